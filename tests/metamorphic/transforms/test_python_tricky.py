"""Python functions that can tell what was done to them: no variant of them does, says or raises anything else."""

from __future__ import annotations

import pytest

from kdray.metamorphic.transforms.base import Variant
from kdray.metamorphic.transforms.registry import transforms_of
from tests.metamorphic.transforms.tricky_python import KINDS

pytestmark = pytest.mark.filterwarnings(
    "ignore:invalid decimal literal:SyntaxWarning"
)  # `1if x`, as people write


def outcome(code: str) -> str:
    """What the function returns, or what it raises and says."""
    space: dict[str, object] = {}
    try:
        exec(compile(code, "<program>", "exec", dont_inherit=True), space)  # noqa: S102
        return repr(space["f"]())  # type: ignore[operator]
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_variant_tells(kind: str) -> None:
    made = 0
    for text in KINDS[kind]:
        expected = outcome(text)
        for transform in transforms_of("python"):
            for variant in {transform(text, "", seed) for seed in range(12)}:
                if isinstance(variant, Variant):
                    made += 1
                    assert outcome(variant.context) == expected, (transform.name, variant.context)
    # Only what looks at its own source or frames has no variant at all.
    assert made or kind == "names that a traceback tells"


def test_chains_of_variants_tell_nothing_either() -> None:
    for texts in KINDS.values():
        for text in texts:
            code, expected = text, outcome(text)
            for seed in range(3):
                for transform in transforms_of("python"):
                    variant = transform(code, "", seed)
                    code = variant.context if isinstance(variant, Variant) else code
            assert outcome(code) == expected, code
