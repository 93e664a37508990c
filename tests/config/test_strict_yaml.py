"""YAML from whoever wrote it: read as 1.2 means it, or refused in a line; never a bomb."""

from __future__ import annotations

import re
import tracemalloc

import pytest

from kdray.config import parse_overrides, read_value, sweep_from, yaml_mapping
from kdray.errors import ConfigError
from tests.config.test_check import DATA

LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 10)}]\n" for n in range(8)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (LAUGHS, "more than 100,000 values"),
        ("a: &a {b: *a}", "nested more than 64 deep, or in itself"),
        ("a: " + "[" * 200 + "]" * 200, "nested more than 64 deep"),
        ("a: " + "[" * 3000 + "]" * 3000, "nest"),
        ("a: " + "[" * 300_000, "nest"),
        ("- " * 100_000, "nest"),
        ("a: 1\nb: 2\na: 3\n", "key 'a' is there twice.*line 3"),
        ("x: {lr: 1, lr: 2}", "key 'lr' is there twice"),
        ("a: 010", "010: write a whole number in decimal"),
        ("a: 1:30:00", "1:30:00: write a whole number"),
        ("a: 1:30.5", "1:30.5: write a number"),
        ("a: 1_000", "1_000: write a whole number"),
        ("a: 0b11", "0b11: write"),
        ("a: no", "no: write true or false"),
        ("a: " + "9" * 400, "a number of 400 digits"),
        ("a: 0x" + "f" * 5000, "a number of 5002 digits"),
        ("a: 1e999", "beyond what a number holds"),
        ("a: !!python/object/apply:os.getcwd []", "not YAML"),
        ("? [1, 2]\n: 3", "a key must be a word"),
        ("a: \0", "not YAML"),
        ("a: 1\n---\nb: 2\n", "not YAML"),
    ],
)
def test_what_nobody_means_is_refused_in_a_line(text, says):
    tracemalloc.start()
    with pytest.raises(ConfigError, match=r"^f: not YAML: ") as caught:
        yaml_mapping(text.encode(), "f")
    assert tracemalloc.get_traced_memory()[1] < 100 << 20
    tracemalloc.stop()
    assert "\n" not in str(caught.value)
    assert re.search(says, str(caught.value))


def test_the_rest_is_read_as_it_is_meant():
    text = "a: 2001-13-45\nb: &b [1, -2, 0x1F]\nc: *b\nd: .5\ne: true\nf: '010'\ng: 1e-4\nh: .inf\n"
    assert yaml_mapping(text.encode(), "f") == {
        "a": "2001-13-45", "b": [1, -2, 31], "c": [1, -2, 31], "d": 0.5, "e": True, "f": "010", "g": 1e-4,
        "h": float("inf"),
    }  # fmt: skip


def test_bytes_without_end_are_refused():
    with pytest.raises(ConfigError, match="bytes are too many"):
        yaml_mapping(b"a: " + b"x" * (2 << 20), "f")


def test_an_override_that_is_no_yaml_is_a_line():
    with pytest.raises(ConfigError, match="not YAML"):
        parse_overrides(["a.b=["])
    with pytest.raises(ConfigError, match="010"):
        read_value("010")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("trial.student.hidden", 1_000_000_000),
        ("trial.student.encoder_layers", 1_000_000),
        ("trial.budget", {"steps": 10**17}),
        ("trial.optim", {"lr": float("nan")}),
        ("trial.optim", {"clip_norm": float("inf")}),
        ("trial.seed", 10**17),
        ("resources", {"nodes": 100_000_000_000}),
        ("resources", {"cpus_per_worker": float("inf")}),
        ("search", {"trials": 10**17}),
        ("space", {"distil.alpha": {"range": [0.0, float("inf")]}}),
        ("space", {"distil.alpha": {"range": [0.0, 1.0], "step": 0}}),
        ("space", {"distil.temperature": {"range": [0.5, 1.0], "log": True, "step": 0.1}}),
        ("space", {"student.feed_forward": {"range": [1, 10**17]}}),
        ("constraints", {"student_params": "<= 1.2.3"}),
        ("constraints", {"student_params": "<= ."}),
        ("name", "a" * 300),
    ],
)
def test_numbers_beyond_all_measure_are_refused(path, value):
    import copy

    from kdray.config import put

    data = copy.deepcopy(DATA)
    put(data, path, value)
    with pytest.raises(ConfigError):
        sweep_from(data, "f")
