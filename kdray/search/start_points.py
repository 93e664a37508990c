"""Start points: the trials that a sweep begins with, whatever its sampler."""

from __future__ import annotations

from kdray.config import Sweep
from kdray.errors import ConfigError
from kdray.search.constraints import Gate
from kdray.search.space import Point, Space, base_point


def start_points(sweep: Sweep, space: Space, gate: Gate) -> list[Point]:
    """`search.start` as points; what one leaves open is the base trial's value where that lies in the space, else
    the sampler's to choose.

    Raises:
        ConfigError: a whole start point that may not be trained.
    """
    points = []
    for number, given in enumerate(sweep.search.start):
        values = {**base_point(sweep, space), **given}
        point = {d.path: d.cast(values[d.path]) for d in space.dimensions if d.path in values}
        whole = {d.path: point[d.path] for d in space.dimensions if d.path in point and d.active(point)}
        missing = [d.path for d in space.dimensions if d.path not in point and d.active(whole)]
        if not missing and (refusal := gate.refusal(whole)):
            raise ConfigError(f"{sweep.name}: search.start[{number}] may not be trained: {refusal}")
        points.append(point)
    return points
