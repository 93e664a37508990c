"""The loss of a training as a curve."""

from kdray.train.loss_curve import POINTS, LossCurve


def curve(steps, state=None):
    made = LossCurve(steps)
    made.restore(state or {})
    return made


def test_a_point_is_the_mean_of_a_hundredth_of_the_training_and_the_last_step_has_one():
    made = curve(250)
    for step in range(1, 251):
        made.add(step, float(step))
    points = made.taken()
    assert points[:2] == [[3, 2.0], [6, 5.0]]
    assert points[-1] == [250, 250.0]
    assert len(points) <= POINTS
    assert made.taken() == []


def test_what_goes_on_elsewhere_gives_the_same_points():
    whole, first = curve(400), curve(400)
    for step in range(1, 401):
        whole.add(step, 1 / step)
    for step in range(1, 151):
        first.add(step, 1 / step)
    second = curve(400, first.state())
    for step in range(151, 401):
        second.add(step, 1 / step)
    assert second.taken() == whole.taken()
