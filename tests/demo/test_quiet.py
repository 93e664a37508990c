"""Nothing of a third party reaches the terminal: the demo and its next steps, each in a process of its own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kdray.config import as_data
from tests import world

pytestmark = pytest.mark.newcomer
ROOT = Path(__file__).resolve().parents[2]
DRIVER = """
import json, sys, warnings
from pathlib import Path
# `-W error::FutureWarning:kdray` would mean the module `kdray` alone, not those in it.
warnings.filterwarnings("error", category=FutureWarning, module="kdray")
tiny, *arguments = json.loads(sys.argv[1])
from kdray.config import as_data, sweep_from
from kdray.demo import run as demo
own = demo.demo_sweep
def demo_sweep(runs, *, train_teacher):
    data = as_data(own(runs, train_teacher=train_teacher))
    data["trial"]["teacher"] = tiny["teacher"]  # by its folder: Ray's workers know no other packaged one
    return sweep_from(data, "tiny")
demo.demo_sweep = demo_sweep
demo.DEMO_PACKAGES = (tiny["source"],)
demo.read_yaml = lambda path: tiny["sweep"]
from kdray.cli import main
sys.argv = ["kdray", *arguments]
main()
"""
OWN = re.compile(
    # What came of it.
    r"(corpus|trials|encoding|capture|signal|suite|test suite|test|accuracy|report|next|wrote) {2,}\S"
    r"|[a-z]+ [a-z ]*[\d,]+ of [\d,]+ after [\d,]+ s(  loss [\d.]+)?$"  # how far a stage is
    r"|(corpus|teacher|exam|sweep) \d+ s  "  # how long the stages took
    r"|  t\d{4}  (complete|pruned)  "
    r"|step \d+: "
    r"|step [\d,]+  train_loss [\d.]+  held_out_loss [\d.]+  seconds [\d.]+$"
    r"|warning: the teacher is right in "  # a tiny one is no better than retrieval
    r"| {10}kdray "
    r"|$"
)
"""A line on stderr that kdray itself wrote."""


class Verbs:
    """Runs kdray in a folder of its own, with the demo made tiny."""

    def __init__(self, folder, small_world):
        self.folder, self.teacher = folder, str(small_world / "teacher")
        source = world.write_tests(folder / "shop")
        self.tiny = {"source": str(source), "teacher": self.teacher, "sweep": world.sweep_data(folder)}
        self.tiny["sweep"]["search"]["trials"] = 2

    def __call__(self, *arguments):
        """The exit code, stdout, and the lines on stderr that are not kdray's own."""
        said = json.dumps([self.tiny, *map(str, arguments)])
        # What a user has: no filters for warnings, none of what the tests set.
        hidden = (
            "PYTHONWARNINGS",
            "TOKENIZERS_PARALLELISM",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER",
            "HF_HUB_OFFLINE",
        )
        environment = {name: value for name, value in os.environ.items() if name not in hidden}
        environment["PYTHONPATH"] = str(ROOT)
        done = subprocess.run(
            [sys.executable, "-c", DRIVER, said],
            cwd=self.folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        strange = [line for line in done.stderr.splitlines() if not OWN.match(line)]
        return done.returncode, done.stdout, strange


@pytest.fixture(scope="module")
def verbs(tmp_path_factory, small_world):
    return Verbs(tmp_path_factory.mktemp("quiet"), small_world)


@pytest.fixture(scope="module")
def demo(verbs):
    return verbs("demo", "--json", "--runs", "runs")


def test_the_demo_says_only_its_own(demo):
    code, out, strange = demo
    assert (code, strange) == (0, [])
    assert json.loads(out)["front"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("status", "tiny"),
        ("pareto", "tiny", "--html", "front.html", "--csv", "trials.csv", "--png", "front.png"),
        ("resume", "tiny", "--trials", "3"),
        ("capture", "runs/tiny/sweep.yaml"),
        ("trial", "runs/tiny/sweep.yaml", "--export", "student"),
        ("shards", "verify", "runs/demo-data/signal", "--teacher", "TEACHER"),
        ("teacher", "eval", "TEACHER", "--corpus", "runs/demo-data/corpus", "--cases", "4"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_what_follows_the_demo_says_only_its_own(demo, verbs, arguments):
    arguments = [verbs.teacher if argument == "TEACHER" else argument for argument in arguments]
    code, out, strange = verbs(*arguments)
    assert (code, strange) == (0, [])
    assert out


def test_a_teacher_is_trained_from_nothing_in_silence(demo, verbs):
    recipe = as_data(world.recipe(verbs.folder / "runs/demo-data/corpus"))
    (verbs.folder / "teacher.yaml").write_text(json.dumps(recipe))
    code, out, strange = verbs("teacher", "train", "teacher.yaml", "--out", "taught", "--cases", "4")
    assert (code, strange) == (0, [])
    assert "exam.teacher.assertion_accuracy" in out


def test_a_student_is_handed_over_and_asked_in_silence(demo, verbs):
    code, _, strange = verbs("export", "tiny", "t0000", "shipped", "--onnx", "--int8")
    assert (code, strange) == (0, [])
    (verbs.folder / "test_it.py").write_text("def test_area():\n    left = 1\n    <ASSERT>\n")
    code, out, strange = verbs("predict", "shipped", "test_it.py", "--count", "2")
    assert (code, strange) == (0, [])
    assert "assert" in out


def test_teachers_and_students_are_compared_in_silence(verbs, clone_world):
    teacher, data = clone_world / "teacher", clone_world / "corpus"
    code, out, strange = verbs("metamorphic", teacher, teacher, "--data", data, "--cases", 4, "--variants", 1)
    assert (code, strange) == (0, [])
    assert out


def test_a_line_of_somebody_elses_would_be_seen():
    for line in (
        "kdray/evaluation/decoding.py:9: FutureWarning: `past_key_values` is deprecated",
        "[transformers] `use_cache=True` is incompatible",
        "[2026-11-28 18:08:14,113] [INFO] [real_accelerator.py:260:get_accelerator] Setting ds_accelerator",
        "WARNING:root:something",
    ):
        assert not OWN.match(line)
