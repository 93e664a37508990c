"""What a model card says of somebody else's corpus, codec and sweep is text, and no Markdown."""

from __future__ import annotations

import re

import yaml

from kdray.console import printable
from kdray.handover.card import Facts, card, statement
from kdray.handover.card_metadata import HEAD
from kdray.report import describe, formats
from kdray.report.front import front
from kdray.results import TrialRecord

EVIL = "x`*[a](http://e)|<script>\n\n# h\x1b]0;t\x07\u202e$\\input{x}%"


def facts_of(metrics):
    return Facts(
        sweep={
            "name": EVIL, "objectives": {}, "trials": {"complete": 1}, "candidates": 1, "front": 1,
            "confirmed": "", "steps": 1, "seconds": 1,
        },
        trial={
            "key": EVIL, "task": "assertion", "chosen": EVIL, "steps": 1, "seed": 1,
            "distil": {"loss": EVIL, "alpha": 0.5, "temperature": 1.0},
        },
        metrics=metrics,
        measured=True,
        size={"params": 1, "bytes": 1, "format": EVIL},
        signal={
            "codec": EVIL, "parameters": {EVIL: EVIL}, "rows": 1, "tokens": 1,
            "bytes_per_token": 1.0, "fidelity": None,
        },
        data={"corpus": EVIL, "sources": [EVIL], "splits": {EVIL: 1}},
        latency={"inputs": 1, "device": EVIL, "teacher_ms": 1.0, "student_ms": 1.0},
        onnx=None,
        int8=None,
    )  # fmt: skip


def test_nothing_from_a_corpus_or_a_setting_is_markup_in_a_card():
    facts = facts_of({"relations": {EVIL: {"variants": 1}}})
    text = card(facts, "decoder")
    assert printable(text) == text
    head = HEAD.match(text)
    assert head is not None
    said = yaml.safe_load(head[1])
    assert set(said) == {"library_name", "pipeline_tag", "license", "tags"}
    prose = re.sub(r"```.*?```", "", text[head.end() :], flags=re.DOTALL)
    prose = re.sub(r"(?<!\\)`[^`\n]*`", "", prose)  # what stands in code is text
    assert not re.search(r"(?<!\\)<script|(?<!\\)\]\(http|^# h", prose, re.MULTILINE)
    for line in prose.splitlines():
        assert line.replace("\\`", "").count("`") % 2 == 0, line


def test_what_was_run_is_told_and_not_said_to_be_not_measured():
    unknown = "whether the assertions compile and pass"
    assert unknown in statement(facts_of({}))
    ran = {"pass_rate": 0.25, "intervals": {"pass_rate": [0.1, 0.5]}, "counts": {"run_cases": 60}}
    told = statement(facts_of(ran))
    assert unknown not in told
    assert (
        "60 of the tests, run" in told and f"| pass rate | {describe.with_interval(0.25, 0.1, 0.5)} |" in told
    )


def test_names_are_text_in_latex_and_markdown():
    record = TrialRecord("t0000", 0, "complete", {}, {}, ({"step": 1, "a": 0.5},))
    best = front([record], {"a": "max"})
    latex = formats.to_latex(best, {EVIL: {"a": 0.5}})
    assert printable(latex) == latex
    assert r"\input" not in latex
    assert "\n\n" not in latex
    assert re.search(r"(?<!\\)[%$#]", latex) is None
    markdown = formats.to_markdown(best, {EVIL: {"a": 0.5}})
    assert printable(markdown) == markdown
    assert not re.search(r"(?<!\\)<script|(?<!\\)\]\(|^# h", markdown, re.MULTILINE)
