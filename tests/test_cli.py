"""The command line as a user meets it, in this process; `--help` also in a fresh one, for its imports."""

import json
import subprocess
import sys

import pytest

from kdray import cli
from tests import world

COMMANDS = {
    "demo", "corpus mine", "corpus show", "teacher train", "teacher eval", "capture", "validate", "trial",
    "launch", "resume", "stop", "status", "pareto", "compare", "export", "predict", "shards verify", "shards show",
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


def test_every_command_explains_itself_with_an_example():
    for app in (cli.app, cli.corpus_app, cli.teacher_app, cli.shards_app):
        for command in app.registered_commands:
            assert "Example: kdray" in command.callback.__doc__, command.callback.__name__


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
    code, out, _ = run(monkeypatch, capsys, "corpus", "mine", source, "--out", tmp_path / "corpus")
    assert code == 0
    assert json.loads(out)["groups"] == 30
    code, out, _ = run(monkeypatch, capsys, "corpus", "show", tmp_path / "corpus", "--count", 2)
    assert out.count(">>> assert") == 2


def test_a_trial_runs_in_this_process_and_exports_its_student(monkeypatch, capsys, tmp_path, small_world):
    path = tmp_path / "sweep.yaml"
    path.write_text(json.dumps(world.sweep_data(small_world)))
    code, out, err = run(
        monkeypatch, capsys, "trial", path, "--set", "distil.alpha=0.25", "--export", tmp_path / "student"
    )
    assert code == 0, err
    assert json.loads(out)["step"] == 6
    assert (tmp_path / "student" / "model.safetensors").exists()
    assert "ray" not in err


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


def test_shards_are_verified_and_shown(monkeypatch, capsys, small_world):
    code, out, _ = run(monkeypatch, capsys, "shards", "verify", small_world / "signal")
    assert code == 0, out
    code, out, _ = run(monkeypatch, capsys, "shards", "show", small_world / "signal", "--row", 3)
    assert code == 0
    assert out
