"""Shared by all tests: small corpora, models and signals, made once a session."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Nothing is fetched, and a name that is no folder is known to be none at once.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Ray reads this when it is imported, and test modules import it before any of kdray's own code can set it.
os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")

from pathlib import Path

import pytest

from tests.sweeping.fixtures import local_ray, make_sweep, module_sweep  # noqa: F401 - fixtures


@pytest.fixture(scope="session")
def small_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a corpus, a trained tiny teacher, its signal and its suite (see `tests/world.py`). Read
    only.
    """
    from kdray.corpus.mine import mine
    from kdray.corpus.store import write_corpus
    from kdray.pipeline.prepare import prepare
    from kdray.train.teacher import train_teacher
    from tests import world

    root = tmp_path_factory.mktemp("world")
    source = world.write_tests(root / "shop")
    write_corpus(root / "corpus", mine([str(source)], processes=1), ["shop"])
    train_teacher(world.recipe(root / "corpus"), root / "teacher")
    prepare(world.sweep(root))
    return root


@pytest.fixture(scope="session")
def seq2seq_world(small_world: Path) -> Path:
    """The same folder with an encoder-decoder teacher in it (see `world.seq2seq`). Read only."""
    from tests import world

    world.build_seq2seq(small_world)
    return small_world


@pytest.fixture(scope="session")
def java_t5_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Java tests and an encoder-decoder teacher (see `tests/java_world.py`). Read only."""
    from tests import java_world

    return java_world.build(tmp_path_factory.mktemp("java-t5"), "t5")


@pytest.fixture(scope="session")
def java_llama_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a decoder-only teacher. Read only."""
    from tests import java_world

    return java_world.build(tmp_path_factory.mktemp("java-llama"), "llama")


@pytest.fixture(scope="session")
def clone_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Labelled pairs, a teacher, its signal and its suite (see `tests/labelled_world.py`). Read only."""
    from tests import labelled_world

    return labelled_world.build(tmp_path_factory.mktemp("clone"), "clone")


@pytest.fixture(scope="session")
def vulnerability_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with labelled functions, which its teacher has learned to tell apart. Read only."""
    from tests import labelled_world

    return labelled_world.build(tmp_path_factory.mktemp("vulnerability"), "vulnerability")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data beside the project; a test that takes it carries the marker `shared`."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no ../shared/data here")
    return folder


@pytest.fixture(scope="session")
def driver():
    """A headless browser, for tests marked `browser`; skips where there is none."""
    from tests.report.browser import browser

    with browser() as started:
        yield started
