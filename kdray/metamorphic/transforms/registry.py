"""All transformations, by language. A new one is one line here; the contract tests run over this table."""

from __future__ import annotations

from functools import lru_cache

from kdray.errors import ConfigError, nearest
from kdray.metamorphic.transforms import (
    curly_assignments,
    curly_expressions,
    curly_flow,
    curly_insert,
    curly_loops,
    curly_names,
    curly_switch,
    python_expressions,
    python_flow,
    python_insert,
    python_loops,
    python_names,
)
from kdray.metamorphic.transforms.base import Rewrite, Rewriter, Transform

PYTHON: tuple[Rewriter, ...] = (
    python_names.rename_variable,
    python_names.rename_function,
    python_names.rename_parameter,
    python_insert.comments,
    python_insert.layout,
    python_insert.dead_code,
    python_insert.unused_variable,
    python_insert.if_true,
    python_loops.for_to_while,
    python_flow.if_else_swap,
    python_flow.elif_split,
    python_flow.ternary_to_if,
    python_flow.if_to_ternary,
    python_flow.permute,
    python_expressions.operand_swap,
    python_expressions.compound_to_plain,
    python_expressions.plain_to_compound,
    python_expressions.literal_to_variable,
    python_expressions.neutral_element,
)
CURLY: tuple[Rewriter, ...] = (
    curly_names.rename_variable,
    curly_names.rename_parameter,
    curly_names.rename_function,
    curly_insert.comments,
    curly_insert.layout,
    curly_insert.dead_code,
    curly_insert.unused_variable,
    curly_insert.if_true,
    curly_insert.permute,
    curly_loops.for_to_while,
    curly_loops.while_to_for,
    curly_flow.if_else_swap,
    curly_flow.elif_split,
    curly_flow.elif_merge,
    curly_flow.ternary_to_if,
    curly_flow.if_to_ternary,
    curly_switch.switch_to_if,
    curly_expressions.operand_swap,
    curly_assignments.compound_to_plain,
    curly_assignments.plain_to_compound,
    curly_assignments.increment_form,
    curly_expressions.literal_to_variable,
    curly_expressions.neutral_element,
)
REWRITERS: dict[str, tuple[Rewriter, ...]] = {"python": PYTHON, "java": CURLY, "c": CURLY}


@lru_cache(maxsize=8)
def transforms_of(language: str) -> tuple[Transform, ...]:
    """Every transformation of a language, in a fixed order.

    Raises:
        ConfigError: for a language without any.
    """
    if language not in REWRITERS:
        raise ConfigError(f"no transformations for language '{language}'{nearest(language, REWRITERS)}")
    return tuple(Rewrite(rewriter.__name__, language, rewriter) for rewriter in REWRITERS[language])


def transform_named(language: str, name: str) -> Transform:
    """One transformation. Raises `ConfigError` for a name that the language does not have."""
    transforms = {transform.name: transform for transform in transforms_of(language)}
    if name not in transforms:
        raise ConfigError(f"no {language} transformation '{name}'{nearest(name, transforms)}")
    return transforms[name]
