"""The model card: how to use the student, and what it keeps and loses against its teacher.

A pure function of measured facts. What was not measured is said to be not measured; a number without its
interval or its source is not printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from kdray.config.metric_names import violated
from kdray.console import printable
from kdray.handover.card_metadata import metadata
from kdray.handover.card_tables import NOT_MEASURED, cost, form_table, how_text_is_read, runs, shown, table
from kdray.handover.usage import ABOUT, CODE_FORM, PROMPT_FORM, USAGE, Family
from kdray.metamorphic.relations import RELATIONS
from kdray.report import describe
from kdray.report.text_table import escape


@dataclass(frozen=True)
class Facts:
    """All that the statement says; plain data, also written as JSON.

    Attributes:
        sweep: name, objectives, trials by state, steps and seconds of all of them.
        trial: key, overrides, distil, steps, and how it was chosen.
        metrics: with `intervals`, `counts` and `relations`, as a trial reports them.
        measured: whether `metrics` are of the exported files, else of the trial before they were rounded.
        size: parameters, bytes and number format of the student; parameters of the teacher.
        signal: codec, its parameters, bytes a token, rows, tokens; `fidelity` by temperature or None.
        data: fingerprints, sources and splits of the corpus, where it is still there.
        latency: milliseconds of student and teacher, or None.
        onnx: of the exported graph, or None.
        int8: of the quantised graph, with what it lost, or None.
        gguf: of the GGUF file, with what it lost, or None.
        teacher: `license` and `base_model`, as far as they are told.
        chosen_by: metrics of the cases that the sweep chose by, where `metrics` are of others; else empty.
    """

    sweep: dict[str, Any]
    trial: dict[str, Any]
    metrics: dict[str, Any]
    measured: bool
    size: dict[str, Any]
    signal: dict[str, Any] | None
    data: dict[str, Any]
    latency: dict[str, Any] | None
    onnx: dict[str, Any] | None
    int8: dict[str, Any] | None
    gguf: dict[str, Any] | None = None
    teacher: dict[str, Any] = field(default_factory=dict)
    chosen_by: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able, in the words of `statement.json`, which calls the metrics `marks`."""
        return {"marks" if name == "metrics" else name: fact for name, fact in asdict(self).items()}


def card(facts: Facts, family: Family) -> str:
    """The README.md of the folder."""
    form = PROMPT_FORM if "decoder" in family else CODE_FORM
    parts = [
        metadata(facts.as_dict(), family),
        f"# {escape(facts.sweep['name'])} {escape(facts.trial['key'])}: a distilled student",
        f"{ABOUT[facts.trial['task']]} It was distilled from a larger teacher, and the statement below says what "
        "it kept and what it lost.",
        f"## Use\n\n```python\n{USAGE[family]}\n```\n{form}",
        "## Distillation loss statement\n\n" + statement(facts),
    ]
    return "\n\n".join(parts) + "\n"


def statement(facts: Facts) -> str:
    """What the student keeps and loses, in Markdown."""
    metrics, counts = facts.metrics, facts.metrics.get("counts", {})
    source = (
        "Measured on the files of this folder"
        if facts.measured
        else "Recorded by the trial, before its weights were rounded to the format of this folder"
    )
    head = (
        f"{source}: {counts.get('cases', 0):,} held-out inputs and {counts.get('variants', 0):,} "
        "variants that do not change their meaning. Brackets are 95 % intervals."
    )
    if facts.chosen_by:
        head += " They are of the test split: nothing was chosen by them."
    sections = [
        head,
        _kept(facts),
        *_optimism(facts),
        *runs(metrics),
        _relations(metrics),
        _by_transform(metrics),
        cost(facts.size, facts.latency, facts.onnx),
    ]
    if facts.int8 is not None:
        heads = ("dynamic quantisation to 8 bits", "without", facts.int8["file"])
        sections.append(form_table(facts.int8, heads, facts.onnx))
    if facts.gguf is not None:
        heads = (f"GGUF, weights in {facts.gguf['type']}", "this folder", facts.gguf["file"])
        sections += [form_table(facts.gguf, heads, None), how_text_is_read(facts.gguf)]
    return "\n\n".join([*sections, _origin(facts), _unmeasured(facts)])


def _kept(facts: Facts) -> str:
    metrics = facts.metrics
    name = "accuracy" if "accuracy" in metrics else "assertion_accuracy"
    text = "accuracy" if name == "accuracy" else "assertion accuracy (strict)"
    f1 = [["F1 of class 1", shown(metrics, "f1"), describe.NOTHING]] if name == "accuracy" else []
    rows = [
        [text, shown(metrics, name), shown(metrics, "teacher_accuracy")],
        *f1,
        ["accuracy on variants", shown(metrics, "variant_accuracy"), describe.NOTHING],
        ["same answer as the teacher", shown(metrics, "agreement"), "1"],
        ["metamorphic discrepancy", shown(metrics, "metamorphic_discrepancy"), "0"],
        ["inputs that violate a relation", shown(metrics, "violating_share"), "0"],
        ["answer changes with the variant", shown(metrics, "flips"), shown(metrics, "teacher_flips")],
        ["accuracy lost under an adversarial attack", shown(metrics, "attack_drop"), describe.NOTHING],
        ["calibration error (ECE, variants)", shown(metrics, "ece"), shown(metrics, "teacher_ece")],
    ]
    own, teacher = metrics.get(name), metrics.get("teacher_accuracy")
    kept = (
        f"\n\nIt keeps {100 * own / teacher:.0f} % of its teacher's accuracy."
        if own is not None and teacher
        else ""
    )
    return table(["", "student", "teacher"], rows) + kept


def _optimism(facts: Facts) -> list[str]:
    """What the student was chosen by beside what is told above, where the two are of different cases."""
    rows = []
    for name, way in facts.sweep["objectives"].items():
        was, now = facts.chosen_by.get(name), facts.metrics.get(name)
        judged = name in (facts.metrics.get("intervals") or {})
        if judged and isinstance(was, (int, float)) and isinstance(now, (int, float)):
            gap = (was - now) * (1 if way == "max" else -1)
            cells = (shown(facts.chosen_by, name), shown(facts.metrics, name), f"{gap:+.3f}")
            rows.append([describe.title(name), *cells])
    heads = ["", "valid split: chosen by", "test split", "optimism: how much better it looked"]
    return [table(heads, rows)] if rows else []


def _relations(metrics: Mapping[str, Any]) -> str:
    rows = [
        [
            describe.title(name),
            shown(metrics, violated(name)),
            shown(metrics, f"clean_{violated(name)}"),
            f"{metrics.get('counts', {}).get(name, 0):,}",
        ]
        for name in RELATIONS
    ]
    return table(
        ["relation to the teacher: share violated", "variants", "clean inputs", "variants counted"], rows
    )


def _by_transform(metrics: Mapping[str, Any]) -> str:
    rows = [
        [
            name,
            f"{shares.get('variants', 0):,.0f}",
            *(describe.number(shares.get(violated(relation))) for relation in RELATIONS),
        ]
        for name, shares in sorted((metrics.get("relations") or {}).items())
    ]
    if not rows:
        return f"Relations by transformation: {NOT_MEASURED}."
    heads = ["violated, by transformation", "variants", *(describe.title(name) for name in RELATIONS)]
    return table(heads, rows)


def _origin(facts: Facts) -> str:
    sweep, trial, signal, data = facts.sweep, facts.trial, facts.signal, facts.data
    states = ", ".join(f"{count} {state}" for state, count in sweep["trials"].items() if count)
    lines = [
        f"- **Picked** as {escape(trial['chosen'])} out of {sweep['candidates']} complete "
        f"candidates, {sweep['front']} of them on the front, {_by(facts)}{_confirmed(facts)}.",
        f"- **The sweep's budget**: {sum(sweep['trials'].values())} trials ({states}), {sweep['steps']:,} "
        f"training steps, {sweep['seconds']:,.0f} s of training and evaluation.",
        f"- **Training**: {trial['steps']:,} steps, loss {_code(trial['distil']['loss'])}, alpha "
        f"{trial['distil']['alpha']:.3g}, temperature {trial['distil']['temperature']:.3g}, seed {trial['seed']}.",
        _data_line(data),
    ]
    if signal is None:
        lines.append(f"- **The teacher's signal**: its files are gone; codec and fidelity {NOT_MEASURED}.")
    else:
        parameters = ", ".join(f"{key} {value}" for key, value in signal["parameters"].items())
        codec = _code(signal["codec"]) + (f" ({escape(parameters)})" if parameters else "")
        lines.append(
            f"- **The teacher's signal**: {signal['rows']:,} rows, {signal['tokens']:,} target tokens, "
            f"{signal['bytes_per_token']:.1f} bytes a token with codec {codec}; {_fidelity(signal['fidelity'])}."
        )
    return "\n".join(lines)


def _confirmed(facts: Facts) -> str:
    """On what the choice was made, where settings were trained again and the trial was not named by hand."""
    said = facts.sweep["confirmed"]
    return f"; {said}" if said and "by hand" not in facts.trial["chosen"] else ""


def _code(text: str) -> str:
    """A name as code, which nothing in it can end."""
    return "`" + printable(" ".join(text.split())).replace("`", "'") + "`"


def _by(facts: Facts) -> str:
    if facts.chosen_by:
        cases = facts.chosen_by.get("counts", {}).get("cases", 0)
        return f"by {cases:,} cases of the valid split, none of them above"
    return "by the very cases above: the best of many looks better than it is"


def _data_line(data: Mapping[str, Any]) -> str:
    made = f"corpus {data['corpus']}" if data.get("corpus") else "corpus unknown"
    if data.get("sources"):
        splits = ", ".join(f"{count:,} {name}" for name, count in data["splits"].items())
        return f"- **Data**: {escape(', '.join(data['sources']))} ({escape(splits)}); {escape(made)}."
    return f"- **Data**: {escape(made)}; its files are not here to be described."


def _fidelity(divergences: Mapping[str, Mapping[Any, float]] | None) -> str:
    if divergences is None:
        return f"its fidelity to the teacher {NOT_MEASURED}"
    at = ", ".join(f"{value:.2g} at T = {float(t):g}" for t, value in divergences["bucketed_mean"].items())
    return f"mean KL(teacher ‖ stored) in nats over kept tokens and rest: {at}"


def _unmeasured(facts: Facts) -> str:
    missing = [
        text
        for name, text in (
            ("attack_drop", "the drop under an adversarial attack"),
            ("ece", "calibration"),
            ("agreement", "agreement with the teacher"),
        )
        if name not in facts.metrics
    ]
    if facts.trial["task"] == "assertion" and "pass_rate" not in facts.metrics:
        missing.append("whether the assertions compile and pass")
    missing.append("languages and projects other than those above")
    if facts.onnx is None and facts.gguf is None:
        missing.append("other runtimes than PyTorch")
    return f"**Not measured**: {'; '.join(missing)}."
