"""The notebooks beside the sweeps: each runs from its first cell to its last, on something small."""

import ast
import json
import re
from pathlib import Path

import pytest

from tests import world
from tests.report.simulated import simulate

SWEEPS = Path(__file__).resolve().parents[1] / "sweeps"


def run(name, **values):
    """Runs the code cells in one namespace, `values` instead of what they assign; returns it and what is shown."""
    shown, space = [], {}
    for cell in json.loads((SWEEPS / name).read_text())["cells"]:
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse("".join(cell["source"]))
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec"), space)  # noqa: S102 - our own file
        space.update({key: value for key, value in values.items() if key in space})
        if last is not None:
            shown.append(eval(compile(ast.Expression(last.value), name, "eval"), space))  # noqa: S307
    return space, shown


def test_no_notebook_carries_outputs_or_a_machines_paths():
    notebooks = list(SWEEPS.glob("*.ipynb"))
    assert len(notebooks) == 2
    for path in notebooks:
        cells = json.loads(path.read_text())["cells"]
        assert all(not cell.get("outputs") and not cell.get("execution_count") for cell in cells)
        assert not re.search(r"/(home|tmp|work)/", path.read_text())


def test_the_notebook_of_a_finished_sweep_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    simulate(tmp_path / "runs" / "demo", trials=24)
    space, shown = run("finished-sweep.ipynb")
    assert len(shown[0]) == len(space["frame"]) == 24
    front, knee, small = shown[1]
    assert knee in front.index and small in space["frame"].index
    assert re.search(r"\d+ of \d+ students are surely worse in assertion_accuracy", capsys.readouterr().out)
    assert shown[-1]._repr_html_().startswith("<iframe")


@pytest.mark.newcomer
def test_the_notebook_of_a_sweep_of_ones_own_runs(tmp_path, monkeypatch, capsys):
    from kdray.corpus.mine import mine
    from kdray.corpus.store import write_corpus

    monkeypatch.chdir(tmp_path)
    source = str(world.write_tests(tmp_path / "shop", files=30))
    write_corpus("corpora/mine", mine([source]), [source])
    space, shown = run("own-sweep.ipynb", STEPS=4, TRIALS=2, ROWS=64, CASES=8)
    assert shown[0].trials == 2
    assert "did you mean 'distil.alpha'" in capsys.readouterr().out
    assert 1 <= len(shown[1]) <= 2
    assert shown[2] == space["model"].num_parameters() > 0
