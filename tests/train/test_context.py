from kdray.train import TrialRun
from tests import world


def test_from_a_step_on_the_context_weighs_nothing(small_world, monkeypatch):
    import kdray.train.trial_run as module

    weights = []
    collate = module.collate
    monkeypatch.setattr(
        module, "collate", lambda *a, **k: weights.append(k["context_weight"]) or collate(*a, **k)
    )
    recipe = world.recipe(
        small_world / "corpus",
        optim={"batch_size": 8, "context_weight": 0.3, "context_until": 2},
        budget={"steps": 4},
    )
    run = TrialRun(recipe)
    run.next_rung()
    run.close()
    assert weights == [0.3, 0.3, 0.0, 0.0]
