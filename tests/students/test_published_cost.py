"""The published cost model at its published check values."""

import pytest

from kdray.config import RobertaStudent
from kdray.students.cost import params
from kdray.students.published_cost import Shape, published_flops, published_megabytes, published_params

CODEBERT = Shape(hidden=768, layers=12, positions=514, vocab=50265, feed_forward=3072, heads=12)
COMPRESSED = Shape(hidden=96, layers=12, positions=514, vocab=1000, feed_forward=64, heads=8)


@pytest.mark.parametrize(
    ("shape", "megabytes", "gigaflops"), [(CODEBERT, 500.95, 138.4), (COMPRESSED, 3.06, 2.25)]
)
def test_it_gives_the_published_figures(shape, megabytes, gigaflops):
    assert round(published_megabytes(shape), 2) == megabytes
    assert published_flops(shape) / 1e9 == pytest.approx(gigaflops, abs=0.05 if gigaflops > 100 else 0.005)


@pytest.mark.parametrize("shape", [CODEBERT, COMPRESSED])
@pytest.mark.parametrize("snippets", [1, 2])
def test_it_counts_a_pooler_that_our_classifier_does_without(shape, snippets):
    """What is published less a pooler is a classifier of one function; of a pair the head is one square larger."""
    student = RobertaStudent(
        family="roberta", layers=shape.layers, hidden=shape.hidden, heads=shape.heads,
        feed_forward=shape.feed_forward, positions=shape.positions, snippets=snippets,
    )  # fmt: skip
    pooler = shape.hidden**2 + shape.hidden
    ours = params(student, shape.vocab) - (snippets - 1) * shape.hidden**2
    assert published_params(shape) == ours + pooler
