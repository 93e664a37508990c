"""Sweep files and trials: what a user may write, read strictly.

A `Trial` is one complete training run as plain data; a `Sweep` is a base trial and a space whose dotted paths
override it. Unknown keys are refused with the nearest known one, and `load_sweep` puts both ends of every
range and every choice into the base trial and validates the *whole* trial, so that nothing impossible is
found out in the middle of a search.

    strict_yaml   what YAML may say
    read      YAML to data, data to a part, and what is wrong in one line
    student, training, trial, capture_settings, search_settings, sweep   the parts
    check     a whole trial at every corner of a space
    paths     settings by dotted path: read, set, listed, chosen

Not here: which point to try (`kdray.search`), and reading experiments (`kdray.results`). No torch, no Ray.
"""

from kdray.config.capture_settings import Capture
from kdray.config.check import (
    contains,
    is_whole,
    load_recipe,
    load_sweep,
    merge,
    parse_overrides,
    satisfies,
    sweep_from,
)
from kdray.config.paths import chosen, flat, put, value_at
from kdray.config.read import Part, as_data, parse, read_value, read_yaml, yaml_mapping
from kdray.config.search_settings import Confirm
from kdray.config.student import (
    AnyStudent,
    CheckpointStudent,
    LlamaStudent,
    Lora,
    RobertaStudent,
    Student,
    T5Student,
    TeacherStudent,
)
from kdray.config.sweep import (
    ACCELERATOR,
    NAME,
    OWN_VARIABLES,
    Choice,
    Range,
    Resources,
    Sweep,
)
from kdray.config.training import Budget, Distil, Optim, divisors
from kdray.config.trial import (
    FORM,
    SNIPPETS,
    Encoding,
    EvaluationConfig,
    Execution,
    TeacherRecipe,
    Trial,
    accuracy_of,
)

__all__ = [
    "ACCELERATOR",
    "FORM",
    "NAME",
    "OWN_VARIABLES",
    "SNIPPETS",
    "AnyStudent",
    "Budget",
    "Capture",
    "CheckpointStudent",
    "Choice",
    "Confirm",
    "Distil",
    "Encoding",
    "EvaluationConfig",
    "Execution",
    "LlamaStudent",
    "Lora",
    "Optim",
    "Part",
    "Range",
    "Resources",
    "RobertaStudent",
    "Student",
    "Sweep",
    "T5Student",
    "TeacherRecipe",
    "TeacherStudent",
    "Trial",
    "accuracy_of",
    "as_data",
    "chosen",
    "contains",
    "divisors",
    "flat",
    "is_whole",
    "load_recipe",
    "load_sweep",
    "merge",
    "parse",
    "parse_overrides",
    "put",
    "read_value",
    "read_yaml",
    "satisfies",
    "sweep_from",
    "value_at",
    "yaml_mapping",
]
