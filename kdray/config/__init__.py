"""Sweep files and trials: what a user may write, read strictly.

A `Trial` is one complete training run as plain data; a `Sweep` is a base trial and a space whose dotted paths
override it. Unknown keys are refused with the nearest known one, and `load_sweep` puts both ends of every
range and every choice into the base trial and validates the *whole* trial, so that nothing impossible is
found out in the middle of a search. No torch, no Ray in here.
"""

from kdray.config.check import (
    check_space,
    contains,
    corners,
    is_whole,
    load_recipe,
    load_sweep,
    merge,
    parse_overrides,
    satisfies,
    sweep_from,
)
from kdray.config.paths import chosen, flat, value_at
from kdray.config.read import Part, as_data, parse, read_value, read_yaml
from kdray.config.student import LlamaStudent, RobertaStudent, Student, T5Student
from kdray.config.sweep import ACCELERATOR, NAME, Capture, Choice, Range, Resources, Search, Sweep, Tracking
from kdray.config.trial import (
    SNIPPETS,
    Budget,
    Distil,
    Encoding,
    EvaluationConfig,
    Optim,
    TeacherRecipe,
    Trial,
    accuracy_of,
    divisors,
)

__all__ = [
    "ACCELERATOR",
    "NAME",
    "SNIPPETS",
    "Budget",
    "Capture",
    "Choice",
    "Distil",
    "Encoding",
    "EvaluationConfig",
    "LlamaStudent",
    "Optim",
    "Part",
    "Range",
    "Resources",
    "RobertaStudent",
    "Search",
    "Student",
    "Sweep",
    "T5Student",
    "TeacherRecipe",
    "Tracking",
    "Trial",
    "accuracy_of",
    "as_data",
    "check_space",
    "chosen",
    "contains",
    "corners",
    "divisors",
    "flat",
    "is_whole",
    "load_recipe",
    "load_sweep",
    "merge",
    "parse",
    "parse_overrides",
    "read_value",
    "read_yaml",
    "satisfies",
    "sweep_from",
    "value_at",
]
