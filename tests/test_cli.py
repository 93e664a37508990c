"""The command line as a user meets it, in this process; `--help` also in a fresh one, for its imports."""

import inspect
import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack
from importlib.metadata import version

import pytest

from kdray import __version__, cli
from kdray.cli.run_verbs import status_text
from kdray.config import sweep_from
from kdray.console import Loudness
from kdray.experiment import lifecycle
from tests import java_world, labelled_world, world

COMMANDS = {
    "demo", "corpus mine", "corpus import", "corpus show", "corpus runnable", "teacher train", "teacher eval",
    "teacher convert",
    "capture", "validate",
    "trial", "launch", "resume", "stop", "status", "pareto", "report", "compare", "export", "predict",
    "shards verify", "shards show", "metamorphic", "init", "doctor",
}  # fmt: skip


def run(monkeypatch, capsys, *arguments):
    """Exit code, stdout and stderr of `kdray ARGUMENTS`."""
    monkeypatch.setattr(sys, "argv", ["kdray", *map(str, arguments)])
    code = 0
    try:
        cli.main()
    except SystemExit as end:
        code = end.code or 0
    out = capsys.readouterr()
    return code, out.out, out.err


def commands(app, prefix=""):
    found = {prefix + (c.name or c.callback.__name__.replace("_", "-")) for c in app.registered_commands}
    for group in app.registered_groups:
        found |= commands(group.typer_instance, f"{group.name} ")
    return found


def test_the_verbs_are_these():
    assert commands(cli.app) == COMMANDS


def test_every_command_explains_itself_with_an_example_and_reports_as_json():
    for app in (cli.app, cli.corpus_app, cli.teacher_app, cli.shards_app):
        for command in app.registered_commands:
            assert "Example: kdray" in command.callback.__doc__, command.callback.__name__
            assert inspect.signature(command.callback).parameters["as_json"].annotation == "Json"


def test_help_imports_nothing_heavy():
    script = (
        "import sys; sys.argv = ['kdray', '--help']\n"
        "from kdray.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([m for m in ('torch', 'ray', 'transformers', 'optuna', 'pyarrow', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "kdray demo" in done.stdout


def test_the_version_is_that_of_the_distribution_and_nothing_else_is_printed(monkeypatch, capsys):
    code, out, err = run(monkeypatch, capsys, "--version")
    assert (code, out, err) == (0, f"kdray {__version__}\n", "")
    assert version("kdray") == __version__


def completed(folder, words):
    """What the shell is told when the tabulator is pressed behind `kdray WORDS`, and the modules it took."""
    script = (
        "import atexit, sys; sys.argv = ['kdray']\n"
        "atexit.register(lambda: print([m for m in ('torch', 'ray', 'numpy', 'pyarrow') if m in sys.modules]))\n"
        "from kdray.cli import main; main()"
    )
    asked = {
        "_KDRAY_COMPLETE": "complete_bash",
        "COMP_WORDS": f"kdray {words}",
        "COMP_CWORD": str(words.count(" ") + 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | asked, cwd=folder, capture_output=True, text=True
    )
    *names, heavy = done.stdout.split("\n")[:-1]
    assert (heavy, done.stderr) == ("[]", "")
    return [name for name in names if name]


def test_the_shell_is_told_verbs_sweeps_and_studies(tmp_path):
    for folder in ("runs/demo", "runs/done", "runs/mine", "elsewhere/dune"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "sweep.yaml").touch()
    (tmp_path / "runs/demo-data").mkdir()
    assert completed(tmp_path, "sta") == ["status"]
    assert completed(tmp_path, "status d") == ["demo", "done"]
    assert completed(tmp_path, "pareto mine d") == ["demo", "done"]
    assert completed(tmp_path, "export --runs elsewhere d") == ["dune"]
    assert completed(tmp_path / "elsewhere", "status d") == []
    assert completed(tmp_path, "init mine --study python-a") == ["python-alpha"]


def test_completion_can_be_installed(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "from kdray.cli import main; main()", "--install-completion", "bash"],
        env=os.environ | {"HOME": str(tmp_path), "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "bash completion installed" in done.stdout
    (script,) = (tmp_path / ".bash_completions").iterdir()
    assert str(script) in (tmp_path / ".bashrc").read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("alpha: 0.5", "unknown key 'trial.distil.alfa', did you mean 'alpha'?"),
        ("heads: 1", "trial.student: heads 5 must divide hidden 32"),
    ],
)
def test_a_mistake_in_a_sweep_file_costs_one_line_and_exit_code_2(
    monkeypatch, capsys, tmp_path, small_world, change, said
):
    text = json.dumps(world.sweep_data(small_world))
    bad = {"alpha: 0.5": ('"alpha": 0.5', '"alfa": 0.5'), "heads: 1": ('"heads": 1', '"heads": 5')}[change]
    path = tmp_path / "sweep.yaml"
    path.write_text(text.replace(*bad))
    code, out, err = run(monkeypatch, capsys, "validate", path)
    assert code == 2
    assert out == ""
    assert said in err
    assert err.count("\n") == 1


def test_an_impossible_end_of_a_range_is_named(monkeypatch, capsys, tmp_path, small_world):
    data = world.sweep_data(small_world)
    data["space"]["student.layers"] = {"range": [0, 2]}
    path = tmp_path / "sweep.yaml"
    path.write_text(json.dumps(data))
    code, _, err = run(monkeypatch, capsys, "validate", path)
    assert code == 2
    assert "space.student.layers = 0" in err


def test_a_corpus_is_mined_and_shown(monkeypatch, capsys, tmp_path):
    source = world.write_tests(tmp_path / "shop", files=30)
    mined = ("corpus", "mine", source, "--out", tmp_path / "corpus")
    code, out, _ = run(monkeypatch, capsys, *mined, "--json")
    assert code == 0
    assert json.loads(out)["groups"] == 30
    code, out, err = run(monkeypatch, capsys, *mined)
    assert (code, out) == (2, "") and "there is a corpus already: choose another folder, or --force" in err
    code, out, _ = run(monkeypatch, capsys, *mined, "--force")
    assert code == 0
    assert re.search(r"^groups +30$", out, re.MULTILINE) and re.search(
        r"^splits\.train +\d", out, re.MULTILINE
    )
    code, out, _ = run(monkeypatch, capsys, "corpus", "show", tmp_path / "corpus", "--count", 2)
    assert out.count(">>> assert") == 2


def test_a_trial_runs_in_this_process_and_exports_its_student(monkeypatch, capsys, tmp_path, small_world):
    path = tmp_path / "sweep.yaml"
    path.write_text(json.dumps(world.sweep_data(small_world)))
    asked = ("--set", "distil.alpha=0.25", "--export", tmp_path / "student", "--json")
    code, out, err = run(monkeypatch, capsys, "trial", path, *asked)
    assert code == 0, err
    assert json.loads(out)["step"] == 6
    modes = {file.name: file.stat().st_mode for file in (tmp_path / "student").iterdir()}
    assert modes["model.safetensors"] == modes["config.json"]
    assert "ray" not in err


def test_a_capture_prints_what_there_is_and_takes_no_store_for_another(
    monkeypatch, capsys, tmp_path, small_world
):
    path = tmp_path / "sweep.yaml"
    path.write_text(json.dumps(world.sweep_data(small_world)))
    code, out, err = run(monkeypatch, capsys, "capture", path, "--json")
    assert code == 0, err
    assert json.loads(out)["signal"]["rows"] == 64
    code, out, err = run(monkeypatch, capsys, "capture", path)
    assert re.search(r"^signal\.rows +64$", out, re.MULTILINE) and "shard-00000" not in out
    code, out, err = run(monkeypatch, capsys, "capture", path, "--greedy")
    assert (code, out) == (2, "")
    assert "signal holds the signal on the ground truth: name another folder" in err
    code, _, err = run(monkeypatch, capsys, "capture", path, "--set", "capture.targets=greedy")
    assert code == 0 and "captured in truth, capture.targets is greedy" in err
    code, _, err = run(monkeypatch, capsys, "capture", str(path).removesuffix(".yaml"))
    assert code == 2 and err.endswith(f"did you mean '{path}'?\n")


def test_a_student_larger_than_the_constraint_allows_is_not_trained(
    monkeypatch, capsys, tmp_path, small_world
):
    data = world.sweep_data(small_world)
    data["constraints"] = {"student_params": "<= 0.1 * teacher_params"}
    path = tmp_path / "sweep.yaml"
    path.write_text(json.dumps(data))
    code, out, err = run(monkeypatch, capsys, "trial", path)
    assert code == 2
    assert out == ""
    assert "breaks the constraint '<= 0.1 * teacher_params'" in err


def test_an_unknown_sweep_names_the_nearest(monkeypatch, capsys, tmp_path):
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "sweep.yaml").write_text("{}")
    code, _, err = run(monkeypatch, capsys, "status", "dmo", "--runs", tmp_path)
    assert code == 2
    assert "did you mean 'demo'?" in err


@pytest.mark.parametrize(
    ("running", "said"), [(0, "nobody runs it"), (1, "; running"), (2, "2 drivers run it")]
)
def test_the_status_says_how_many_drivers_run_a_sweep(
    monkeypatch, capsys, tmp_path, small_world, running, said
):
    data = world.sweep_data(small_world, name="shared", storage=str(tmp_path))
    data |= {"search": {"trials": 3, "storage": "sqlite://"}, "resources": {"drivers": 2}}
    sweep, folder = sweep_from(data, "test"), tmp_path / "shared"
    with ExitStack() as held:
        for _ in range(max(running, 1)):
            held.enter_context(lifecycle.claim(sweep, folder, resume=True))
        if not running:
            held.close()
        code, out, _ = run(monkeypatch, capsys, "status", "shared", "--runs", tmp_path)
        assert code == 0
        assert out.splitlines()[0].endswith(said)
        _, out, _ = run(monkeypatch, capsys, "status", "shared", "--runs", tmp_path, "--json")
        assert json.loads(out)["drivers"] == running


@pytest.mark.parametrize(
    ("per_hour", "said"),
    [
        (0.0, "about 2 min left"),
        (0.5, "about 2 min left, 120 min a trial"),
        (9.6, "about 2 min left, 10 trials an hour"),
    ],
)
def test_the_pace_of_a_sweep_is_said_once_a_trial_has_ended(per_hour, said):
    now = lifecycle.Status("mine", 1, 3, {"running": 1}, (), 9, per_hour, 120.0)
    assert status_text(now).splitlines()[-1] == said


def test_a_verb_that_reports_says_it_as_json_too(monkeypatch, capsys, tmp_path, small_world):
    path = tmp_path / "sweep.yaml"
    path.write_text(json.dumps(world.sweep_data(small_world, name="mine", storage=str(tmp_path))))
    _, out, err = run(monkeypatch, capsys, "validate", path, "--set", "search.trials=3", "--print", "--json")
    (fine,) = json.loads(out)
    assert fine["trials"] == 3 and fine["trial"]["distil"]["alpha"] == 0.5, err
    with lifecycle.claim(
        sweep_from(world.sweep_data(small_world, name="mine"), "test"), tmp_path / "mine", resume=True
    ):
        _, out, _ = run(monkeypatch, capsys, "stop", "mine", "--runs", tmp_path, "--json")
    assert json.loads(out) == {"name": "mine", "asked_to_stop": True}
    monkeypatch.chdir(tmp_path)
    _, out, _ = run(monkeypatch, capsys, "init", "other", "--json")
    assert "other.yaml" in json.loads(out)["files"]
    _, out, _ = run(monkeypatch, capsys, "shards", "show", small_world / "signal", "--row", 3, "--json")
    row = json.loads(out)
    assert sum(label != -100 for label in row["labels"]) == len(row["teacher"])
    code, _, err = run(monkeypatch, capsys, "shards", "show", small_world / "signal", "--row", 999, "--json")
    assert code == 3 and "rows 0 to 63" in err


def test_less_is_said_with_q_and_more_with_v(monkeypatch, capsys, tmp_path):
    from tests.report.simulated import simulate

    simulate(tmp_path / "one", 6, cases=0)
    for words, said in ((["-q"], ""), ([], "wrote"), (["-v"], ":")):
        monkeypatch.setattr(Loudness, "quiet", False)
        monkeypatch.setattr(Loudness, "verbose", False)
        csv = str(tmp_path / "t.csv")
        code, out, err = run(monkeypatch, capsys, "pareto", "one", "--runs", tmp_path, "--csv", csv, *words)
        assert code == 0 and "trial" in out
        assert bool(err) == bool(said) and said in err
    monkeypatch.setattr(Loudness, "verbose", True)
    code, _, err = run(monkeypatch, capsys, "status", "none", "--runs", tmp_path)
    assert code == 2 and err.startswith("Traceback") and err.splitlines()[-1].startswith("kdray: no sweep")
    monkeypatch.setattr(Loudness, "verbose", False)
    code, _, err = run(monkeypatch, capsys, "status", "none", "--runs", tmp_path, "-q")
    assert (code, err.count("\n")) == (2, 1)
    monkeypatch.setattr(Loudness, "quiet", False)


def test_shards_are_verified_and_shown(monkeypatch, capsys, small_world):
    code, out, _ = run(monkeypatch, capsys, "shards", "verify", small_world / "signal")
    assert code == 0, out
    code, out, _ = run(monkeypatch, capsys, "shards", "show", small_world / "signal", "--row", 3)
    assert code == 0
    assert out


def test_a_front_is_printed_filtered_written_and_compared(monkeypatch, capsys, tmp_path):
    from tests.report.simulated import simulate

    for number in range(2):
        simulate(tmp_path / f"one-{number}", 20, seed=number, cases=0)
        simulate(tmp_path / f"two-{number}", 20, seed=9 + number, cases=0, skill=0.1)
    code, out, err = run(
        monkeypatch, capsys, "pareto", "one-0", "--runs", tmp_path, "--where", "student_params <= 8e5",
        "--objectives", "assertion_accuracy:max,student_params:min", "--latex", tmp_path / "f.tex",
    )  # fmt: skip
    assert code == 0, err
    assert "student params" in out.replace("\n", " ") or "params ↓" in out
    assert (tmp_path / "f.tex").read_text().startswith(r"\begin{tabular}")
    code, out, err = run(monkeypatch, capsys, "report", "one-0", "--runs", tmp_path, "--json")
    page = json.loads(out)
    assert os.path.getsize(page["page"]) > 1e4 and page["knee"] in page["front"], err
    code, _, err = run(monkeypatch, capsys, "report", "one-0", "--runs", tmp_path, "--json", "--serve")
    assert (code, err) == (2, "kdray: report: --json or --serve, not both\n")
    code, out, err = run(
        monkeypatch, capsys, "compare", "one-0,one-1", "two-0,two-1", "--runs", tmp_path, "--json"
    )
    assert code == 0, err
    assert [one["name"] for one in json.loads(out)["techniques"]] == ["one", "two"]
    code, out, err = run(
        monkeypatch, capsys, "compare", "one-0,one-1", "--runs", tmp_path, "--by", "distil.loss", "--markdown",
    )  # fmt: skip
    assert code == 0, err
    assert out.startswith("| loss | trials | assertion accuracy ↑ | metamorphic discrepancy ↓ |\n")
    code, out, err = run(monkeypatch, capsys, "compare", "one-0", "--runs", tmp_path, "--near", 0.02)
    assert code == 0, err
    assert "cannot be tested" in out
    for option, given in (("--svg", "x.svg"), ("--budget", "seconds")):
        code, _, err = run(
            monkeypatch, capsys, "compare", "one-0", "--runs", tmp_path, "--near", 0.02, option, given
        )
        assert (code, err.count("\n")) == (2, 1)
        assert option in err
    code, _, err = run(monkeypatch, capsys, "compare", "none.csv", "--by", "seed")
    assert (code, err) == (2, "kdray: no table 'none.csv'\n")
    code, _, err = run(monkeypatch, capsys, "compare", "one-0", "tow-0", "--runs", tmp_path)
    assert code == 2
    assert "did you mean 'two-0'?" in err
    code, _, err = run(
        monkeypatch, capsys, "pareto", "one-0", "--runs", tmp_path, "--where", "student_params ~ 3"
    )
    assert code == 2
    assert err.count("\n") == 1


def test_labelled_code_is_imported(monkeypatch, capsys, tmp_path):
    source = labelled_world.write_functions(tmp_path / "source")
    code, out, _ = run(
        monkeypatch, capsys, "corpus", "import", source, "--out", tmp_path / "corpus", "--json"
    )
    assert code == 0
    assert json.loads(out)["splits"] == {"test": 32, "train": 112, "valid": 16}
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "one.txt").write_text("Dear reader,\n")
    letters = tmp_path / "letters"
    code, _, err = run(monkeypatch, capsys, "corpus", "import", letters, "--out", tmp_path / "none")
    assert (code, err.count("\n")) == (3, 1)
    assert "no layout that is known" in err
    code, out, _ = run(
        monkeypatch, capsys, "corpus", "import", source, "--out", tmp_path / "corpus", "--force"
    )
    assert (code, re.search(r"^left_out_because +-$", out, re.MULTILINE) is None) == (0, False)
    for option, value, said in (
        ("--split", "file", "belongs to no test files"),
        ("--split", "fiel", "did you mean 'file'?"),
        ("--language", "jav", "--language jav, did you mean 'java'?"),
    ):
        code, _, err = run(
            monkeypatch, capsys, "corpus", "import", source, option, value, "--out", tmp_path / "none"
        )
        assert code == 2
        assert said in err
    assert not (tmp_path / "none").exists()


def test_java_is_imported_mined_and_shown(monkeypatch, capsys, tmp_path):
    source = java_world.write_masked(tmp_path / "source")
    code, out, err = run(
        monkeypatch, capsys, "corpus", "import", source, "--out", tmp_path / "corpus", "--json"
    )
    assert code == 0, err
    found = json.loads(out)
    assert (found["layout"], found["left_out"]) == ("masked tests", 0)
    assert found["splits"] == {"test": 24, "train": 160, "valid": 24}
    arguments = ["corpus", "import", source, "--split", "file", "--json", "--out", tmp_path / "by-file"]
    code, out, err = run(monkeypatch, capsys, *arguments)
    assert code == 0, err
    assert sum(json.loads(out)["splits"].values()) <= 160
    checkout = java_world.write_checkout(tmp_path / "shop")
    arguments = ["corpus", "mine", checkout, "--language", "java", "--json", "--out", tmp_path / "mined"]
    code, out, err = run(monkeypatch, capsys, *arguments)
    assert code == 0, err
    assert sum(json.loads(out)["splits"].values()) > 10
    code, out, _ = run(monkeypatch, capsys, "corpus", "show", tmp_path / "mined", "--count", 30)
    assert code == 0
    assert ">>> assertThat(held.total()).isEqualTo(" in out
    assert out.count("\n    held.close();\n}") > 5
    code, _, err = run(
        monkeypatch, capsys, "corpus", "mine", "--language", "java", "--out", tmp_path / "none"
    )
    assert (code, err.count("\n")) == (2, 1)
    assert "name the folders" in err


def test_models_are_compared_in_one_command(monkeypatch, capsys, tmp_path, vulnerability_world):
    teacher = vulnerability_world / "teacher"
    arguments = ["metamorphic", teacher, teacher, "--data", vulnerability_world / "source", "--cases", 8]
    arguments += ["--variants", 2, "--attack", "mhm", "--attack", "alert", "--items", 2, "--budget", 5]
    code, out, err = run(monkeypatch, capsys, *arguments, "--out", tmp_path)
    assert code == 0, err
    assert "rename_variable" in out
    assert "ASR" in out
    names = {"mimicry.html", "mimicry.json", "mimicry.md"}
    assert {path.name for path in tmp_path.iterdir()} == names
    code, out, _ = run(monkeypatch, capsys, *arguments, "--json")
    assert json.loads(out) == json.loads((tmp_path / "mimicry.json").read_text())
    code, _, err = run(monkeypatch, capsys, *arguments, "--attack", "wir_randon")
    assert (code, err.count("\n")) == (2, 1)
    assert "did you mean 'wir_random'" in err


def test_a_classifier_is_not_asked_for_assertions(monkeypatch, capsys, tmp_path, vulnerability_world):
    source = tmp_path / "test_a.py"
    source.write_text("def test_a():\n    x = 1\n    <ASSERT>\n")
    code, _, err = run(monkeypatch, capsys, "predict", vulnerability_world / "teacher", source)
    assert (code, err.count("\n")) == (2, 1)
    assert "classifies code" in err


def test_generators_are_compared_too(monkeypatch, capsys, small_world):
    teacher, data = small_world / "teacher", small_world / "corpus"
    arguments = ["metamorphic", teacher, teacher, "--data", data, "--cases", 6, "--variants", 3]
    code, out, err = run(monkeypatch, capsys, *arguments, "--json")
    assert code == 0, err
    (row,) = json.loads(out)["comparisons"]
    assert row["task"] == "assertion"
    assert row["cases"] == 6
    assert row["rates"]["prediction_agreement_violated"]["hits"] == 0
    attacks = ["--attack", "wir_random", "--items", 2, "--budget", 5]
    code, out, err = run(monkeypatch, capsys, *arguments, *attacks, "--json")
    assert code == 0, err
    (row,) = json.loads(out)["comparisons"]
    assert [duel["attack"] for duel in row["duels"]] == ["wir_random"]
    code, _, err = run(monkeypatch, capsys, *arguments, "--attack", "composition")
    assert (code, err.count("\n")) == (2, 1)
    assert "--attack composition: of models that write" in err


def test_what_files_make_an_error_or_a_warning_say_does_nothing_to_the_terminal(tmp_path):
    (tmp_path / "sweep.yaml").write_text(2 * '"\\e]0;title\\a": 1\n')
    script = (
        "import logging, sys; sys.argv = ['kdray', 'validate', 'sweep.yaml']\n"
        "from kdray.cli import main\n"
        "try: main()\nexcept SystemExit: logging.getLogger('kdray').warning('a \\x1b[2J')"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert "\x1b" not in done.stderr
    assert "\\x1b[2J" in done.stderr
    assert "\\x1b]0;title" in done.stderr
