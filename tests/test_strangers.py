"""What a stranger handed over is read, and nothing in it runs: payloads of every kind, under every name and in the
place of every file, in an experiment, a signal, a suite, a teacher, a corpus; and every verb that reads them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from kdray import cli
from kdray.console import printable
from kdray.corpus.example import Example
from kdray.corpus.store import write_corpus
from kdray.errors import ConfigError, DataError
from kdray.experiment.job import Job
from kdray.experiment.study_storage import open_storage
from kdray.pipeline.consent import check_code
from kdray.students.whole_weights import check_files
from kdray.train import TrialRun
from kdray.workers.attempt import Attempt
from kdray.workers.tune_run import tune_run
from tests import world
from tests.payloads import forms, plant
from tests.report.simulated import simulate

KINDS = ("experiment", "signal", "suite", "teacher", "corpus")


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "ran"
    yield path
    assert not path.exists(), "something that was planted ran"


@pytest.fixture
def handed_over(small_world: Path, tmp_path: Path) -> Path:
    """A folder of each kind, and a sweep over them."""
    root = tmp_path / "theirs"
    for name in ("signal", "suite", "teacher", "corpus"):
        shutil.copytree(small_world / name, root / name)
    simulate(root / "experiment", 3, cases=2)
    student = root / "experiment" / "trials" / "t0000" / "student"
    shutil.copytree(small_world / "teacher", student, dirs_exist_ok=True)
    (root / "sweep.yaml").write_text(yaml.safe_dump(world.sweep_data(root)))
    (root / "test_it.py").write_text("def test_a():\n    x = total(1, 2)\n    <ASSERT>\n")
    return root


def verbs(root: Path, out: Path, kind: str) -> list[list[str]]:
    """Every verb that reads a folder of a kind without training anything."""
    at = {name: str(root / name) for name in KINDS}
    found = {
        "experiment": [
            ["status", at["experiment"], "--json"], ["pareto", at["experiment"], "--json"],
            ["pareto", at["experiment"], "--html", f"{out}/a.html", "--csv", f"{out}/a.csv"],
            ["compare", at["experiment"]], ["stop", at["experiment"]],
            ["export", at["experiment"], "t0000", f"{out}/exported"],
            ["resume", at["experiment"], "--allow-env", "NONE", "--trials", "1"],
        ],
        "signal": [["shards", "verify", at["signal"]], ["shards", "show", at["signal"]]],
        "suite": [["trial", f"{root}/sweep.yaml", "--set", "budget={steps: 1, rungs: [1]}"]],
        "teacher": [
            ["validate", f"{root}/sweep.yaml"],
            ["predict", at["teacher"], f"{root}/test_it.py", "--count", "1"],
            ["teacher", "eval", at["teacher"], "--corpus", at["corpus"], "--cases", "2"],
            ["teacher", "convert", at["teacher"], "--out", f"{out}/converted"],
            ["shards", "verify", at["signal"], "--teacher", at["teacher"]],
        ],
        "corpus": [
            ["corpus", "show", at["corpus"]],
            ["corpus", "mine", at["corpus"], "--out", f"{out}/mined"],
            ["corpus", "import", at["corpus"], "--out", f"{out}/imported"],
        ],
    }  # fmt: skip
    return found[kind]


def kdray(monkeypatch: Any, *arguments: str) -> None:
    """What a user types; it may be refused, and must not be a traceback."""
    monkeypatch.setattr(sys, "argv", ["kdray", *arguments])
    try:
        cli.main()
    except SystemExit as end:
        assert end.code in (None, 0, 1, 2, 3), arguments


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_lies_in_a_folder_runs(
    kind: str, handed_over: Path, mark: Path, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    plant(handed_over / kind, mark)
    monkeypatch.chdir(handed_over / kind)
    for arguments in verbs(handed_over, tmp_path, kind):
        kdray(monkeypatch, *arguments)
        assert not mark.exists(), arguments


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_stands_in_the_place_of_a_file_runs(
    kind: str, handed_over: Path, mark: Path, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    """The payloads take turns, so that each file holds each of them with one verb or another."""
    payloads = list(forms(mark))
    asked = [
        words for words in verbs(handed_over, tmp_path, kind) if words[0] not in ("trial", "export", "resume")
    ]
    if kind == "suite":
        asked = [["validate", str(handed_over / "sweep.yaml")]]
    files = [path for path in sorted((handed_over / kind).rglob("*")) if path.is_file()]
    for number, path in enumerate(files):
        kept = path.read_bytes()
        for turn in range(2):
            name, data = payloads[(2 * number + turn) % len(payloads)]
            path.write_bytes(data)
            arguments = asked[(number + turn) % len(asked)]
            kdray(monkeypatch, *arguments)
            assert not mark.exists(), (path, name, arguments)
        path.write_bytes(kept)


def _everywhere(folder: Path, evil: str) -> None:
    """Puts a text into everything of an experiment, a corpus and a signal that says something in words."""
    told = json.dumps(evil)[1:-1]
    for path in folder.rglob("state.json"):
        state = json.loads(path.read_text())
        path.write_text(json.dumps({**state, "reason": evil}))
    for path in folder.rglob("cases.jsonl"):
        path.write_text(path.read_text().replace(': "', f': "{told}'))
    for path in folder.rglob("results.jsonl"):
        path.write_text(path.read_text().replace('"ece"', f'"{told}"'))
    for name in ("references.json", "corpus.json"):
        for path in folder.rglob(name):
            path.write_text(path.read_text().replace("nearest", told).replace("shop", told))
    for path in folder.rglob("trial.yaml"):
        trial = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump({**trial, "corpus": evil}))


@pytest.mark.filterwarnings("ignore")
def test_no_verb_hands_a_terminal_what_it_would_obey(
    handed_over: Path, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    evil = "\x1b]0;title\x07\x9b2J\r\u202e[link=http://e]=cmd|x"
    _everywhere(handed_over, evil)
    (handed_over / "experiment" / "trials" / f"t0001{evil[:9]}").mkdir()
    damaged = handed_over / "experiment" / "trials" / "t0001" / "results.jsonl"
    damaged.write_text(f"{evil}\n{damaged.read_text()}")
    rows = [
        Example(
            f"{n:016x}", f"{evil}{n}.py", "python", f"test{evil}", evil, f"x = {n}  # {evil}\n", evil, "train"
        )
        for n in range(3)
    ]
    write_corpus(handed_over / "corpus", rows, [evil])
    asked = [*verbs(handed_over, tmp_path, "experiment"), *verbs(handed_over, tmp_path, "corpus")]
    asked += [["corpus", "show", str(handed_over / "corpus"), "--json"], ["status", f"no{evil}"]]
    asked += [["compare", str(handed_over / "experiment"), "--by", "corpus", "--markdown"]]
    asked += [
        ["pareto", str(handed_over / "experiment"), "--where", "corpus == x", "--objectives", f"{evil}:max"]
    ]
    seen = ""
    for arguments in asked:
        kdray(monkeypatch, *arguments)
        told = capsys.readouterr()
        for text in (told.out, told.err):
            assert text == printable(text), (arguments, [one for one in text if one != printable(one)])
        seen += told.out + told.err
    assert "\\x1b]0;title" in seen  # it was there, and is shown


@pytest.mark.filterwarnings("ignore")
def test_a_trial_that_goes_on_runs_nothing_in_its_folder(
    small_world: Path, mark: Path, tmp_path: Path
) -> None:
    job = Job("t0000", world.sweep(small_world).trial, decided=0)
    begun = Attempt(job, str(tmp_path), ["assertion_accuracy"], TrialRun)
    begun.next_rung()
    begun.close()
    plant(tmp_path / "trials", mark)
    Attempt(replace(job, decided=3), str(tmp_path), [], TrialRun).close()
    (path,) = (tmp_path / "trials/t0000/checkpoint/rung").glob("mp_rank*")
    for _, data in forms(mark):
        path.write_bytes(data)
        with pytest.raises(DataError):
            Attempt(job, str(tmp_path), [], TrialRun)
        assert not mark.exists()


def test_a_study_that_is_a_payload_is_no_study(make_sweep: Any, mark: Path, tmp_path: Path) -> None:
    for _, data in forms(mark):
        (tmp_path / "study.journal").write_bytes(data)
        assert open_storage(make_sweep(1), tmp_path).get_all_studies() == []
        assert not mark.exists()


def test_what_tune_would_unpickle_goes_before_it_starts(
    make_sweep: Any, mark: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    left = tmp_path / ".tune0"
    (tmp_path / "elsewhere").mkdir()
    left.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="left by another run"):
        tune_run(make_sweep(1), str(tmp_path), left, None, "x:X", threading.Event())  # type: ignore[arg-type]


def test_a_converter_imports_nothing_from_the_folder_it_is_typed_in(mark: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    torch.save({"a": torch.ones(1)}, theirs / "pytorch_model.bin")
    for name in ("torch.py", "safetensors.py", "json.py", "kdray.py"):
        (theirs / name).write_bytes(dict(forms(mark))["code"])
    typed = [sys.executable, "-P", "-m", "kdray", "teacher", "convert", ".", "--out", str(tmp_path / "out")]
    done = subprocess.run(typed, cwd=theirs, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not mark.exists()


def test_an_experiment_imports_no_sampler_unasked(make_sweep: Any) -> None:
    own = make_sweep(1, search={"sampler": "evil:Sampler"})
    with pytest.raises(ConfigError, match="--allow-sampler evil:Sampler"):
        check_code(own, None)
    with pytest.raises(ConfigError, match="code"):
        check_code(own, "other:Sampler")
    check_code(own, "evil:Sampler")
    check_code(make_sweep(1), None)


@pytest.mark.parametrize(
    "config", [{"attn_implementation": "evil/kernel"}, {"text": {"_attn_implementation": "a/b"}}]
)
def test_a_model_fetches_no_attention_from_a_hub(config: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(DataError, match="is code on a hub"):
        check_files(str(tmp_path))


@pytest.mark.cluster
@pytest.mark.timeout(280)
def test_a_whole_sweep_that_is_resumed_runs_nothing(small_world: Path, mark: Path, tmp_path: Path) -> None:
    root = tmp_path / "theirs"
    for name in ("signal", "suite", "teacher", "corpus"):
        shutil.copytree(small_world / name, root / name)
    (root / "sweep.yaml").write_text(yaml.safe_dump(world.sweep_data(root, resources={"max_concurrent": 1})))
    typed = [sys.executable, "-P", "-m", "kdray"]
    subprocess.run([*typed, "launch", "sweep.yaml", "--set", "search.trials=2"], cwd=root, check=True)
    plant(root, mark)
    plant(root / "runs" / "tiny", mark)
    done = subprocess.run(
        [*typed, "resume", "runs/tiny", "--trials", "3"], cwd=root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not mark.exists()
