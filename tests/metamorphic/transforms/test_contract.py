"""What every transformation of every language owes its users."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kdray.errors import ConfigError
from kdray.metamorphic.transforms.base import Edit, Refusal, Transform, Variant, apply
from kdray.metamorphic.transforms.registry import REWRITERS, transform_named, transforms_of
from kdray.metamorphic.transforms.tree import Source, parse
from tests.metamorphic.transforms.samples import SAMPLES, TEN_THOUSAND_LINES, Sample

ALL = [transform for language in REWRITERS for transform in transforms_of(language)]
every_transform = pytest.mark.parametrize("transform", ALL, ids=lambda t: f"{t.language}-{t.name}")
SEEDS = range(12)


def variants(transform: Transform) -> list[tuple[Sample, Variant]]:
    results = [
        (sample, transform(sample.context, sample.target, seed))
        for sample in SAMPLES[transform.language]
        for seed in SEEDS
    ]
    return [(sample, result) for sample, result in results if isinstance(result, Variant)]


@every_transform
def test_it_applies_to_a_sample_and_changes_it(transform: Transform) -> None:
    found = variants(transform)
    assert found
    for sample, variant in found:
        assert variant.context + variant.target != sample.context + sample.target
        assert variant.transform == transform.name


@every_transform
def test_it_is_a_function_of_source_and_seed(transform: Transform) -> None:
    for sample in SAMPLES[transform.language]:
        for seed in SEEDS:
            again = transform(sample.context, sample.target, seed)
            assert transform(sample.context, sample.target, seed) == again


@every_transform
def test_the_variant_parses_and_the_target_keeps_its_place(transform: Transform) -> None:
    for sample, variant in variants(transform):
        assert isinstance(parse(transform.language, variant.context, variant.target), Source)
        if sample.target:
            assert variant.context.endswith("\n" + sample.context.rpartition("\n")[2])


@every_transform
def test_the_target_changes_only_by_the_renames(transform: Transform) -> None:
    for sample, variant in variants(transform):
        names = dict(variant.renames)
        expected = re.sub(r"[^\W\d]\w*", lambda word: names.get(word[0], word[0]), sample.target)  # noqa: B023
        assert variant.target == expected
        for old, new in names.items():
            assert re.search(rf"\b{new}\b", sample.context + sample.target) is None
            assert re.search(rf"\b{old}\b", sample.context) is not None


@every_transform
def test_lines_may_end_in_two_characters(transform: Transform) -> None:
    def both(text: str) -> str:
        return text.replace("\n", "\r\n")

    for sample in SAMPLES[transform.language]:
        for seed in SEEDS[:4]:
            plain = transform(sample.context, sample.target, seed)
            other = transform(both(sample.context), both(sample.target), seed)
            if isinstance(plain, Variant):
                assert isinstance(other, Variant)
                assert (other.context, other.target) == (both(plain.context), both(plain.target))
            else:
                assert other == plain


@every_transform
@pytest.mark.parametrize(
    "text", ["", " ", "\n" * 50, "(" * 5000, "\ud800", "\0", "é" * 100, "def", "/*", "'", '"""', "{" * 300]
)
def test_it_refuses_what_is_no_code_and_says_why(transform: Transform, text: str) -> None:
    for context, target in ((text, ""), ("", text), (text, text)):
        result = transform(context, target, 0)
        assert isinstance(result, Refusal)
        assert result.reason


@every_transform
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_broken_source_raises_nothing(transform: Transform, data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from(SAMPLES[transform.language]))
    text = sample.context + sample.target
    for _ in range(data.draw(st.integers(1, 3))):
        begin = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(begin, min(len(text), begin + 40)))
        text = (
            text[:begin]
            + data.draw(
                st.sampled_from(
                    ["", "(", "}", "\n", "\r", "\0", "\udcff", "é", "if", "=", "'", "*/", text[:30]]
                )
            )
            + text[end:]
        )
    cut = data.draw(st.integers(0, len(text)))
    transform(text[:cut], text[cut:], 0)
    transform(text[:cut], "", 1)


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 1000), st.sampled_from(["utf-8", "latin-1"]))
def test_whatever_bytes_stand_in_a_file_nothing_is_raised(noise: bytes, place: int, encoding: str) -> None:
    for language in REWRITERS:
        data = SAMPLES[language][0].context.encode()
        at = place % (len(data) + 1)
        for whole in (noise, data[:at] + noise + data[at:], data[:at]):
            text = whole.decode(encoding, "surrogateescape")
            for transform in transforms_of(language):
                assert isinstance(transform(text, "", 0), Variant | Refusal)


@every_transform
def test_ten_thousand_lines_are_no_trouble(transform: Transform) -> None:
    text = TEN_THOUSAND_LINES[transform.language]
    assert text.count("\n") > 10_000
    result = transform(text, "", 0)
    assert isinstance(result, Variant | Refusal)


def test_an_edit_where_the_target_begins_belongs_to_the_context() -> None:
    source = parse("python", "x = 1\n", "y = x")
    assert isinstance(source, Source)
    edits = [Edit(0, 1, "z"), Edit(6, 6, "w = 2\n"), Edit(10, 11, "z")]
    assert apply(source, edits) == ("z = 1\nw = 2\n", "y = z")


def test_an_unknown_name_gets_a_hint() -> None:
    with pytest.raises(ConfigError, match="did you mean 'for_to_while'"):
        transform_named("python", "for_to_whil")
    with pytest.raises(ConfigError, match="known: "):
        transforms_of("cobol")
