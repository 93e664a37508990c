"""The model card: how to use the student, and what it keeps and loses against its teacher.

A pure function of measured facts. What was not measured is said to be not measured; a number without its
interval or its source is not printed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from kdray.config.metric_names import violated
from kdray.console import printable
from kdray.handover.usage import ABOUT, CODE_FORM, PIPELINES, PROMPT_FORM, USAGE, Family
from kdray.metamorphic.relations import RELATIONS
from kdray.report import describe
from kdray.report.front import ends
from kdray.report.text_table import escape, pipe_table

NOT_MEASURED = "not measured"


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
    chosen_by: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """JSON-able, in the words of `statement.json`, which calls the metrics `marks`."""
        return {"marks" if name == "metrics" else name: fact for name, fact in asdict(self).items()}


def card(facts: Facts, family: Family) -> str:
    """The README.md of the folder."""
    form = PROMPT_FORM if "decoder" in family else CODE_FORM
    parts = [
        f"---\nlibrary_name: transformers\npipeline_tag: {PIPELINES[family]}\n"
        f"tags: [code, {facts.trial['task']}, distillation]\n---",
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
        _relations(metrics),
        _by_transform(metrics),
        _cost(facts),
    ]
    if facts.int8 is not None:
        sections.append(_int8(facts.int8))
    return "\n\n".join([*sections, _origin(facts), _unmeasured(facts)])


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return pipe_table(heads, rows, "l" * len(heads)).rstrip("\n")


def shown(metrics: Mapping[str, Any], name: str) -> str:
    """A metric with its interval, or that it was not measured."""
    value = metrics.get(name)
    if not isinstance(value, (int, float)):
        return NOT_MEASURED
    return describe.with_interval(float(value), *ends((metrics.get("intervals") or {}).get(name)))


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
    return _table(["", "student", "teacher"], rows) + kept


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
    return [_table(heads, rows)] if rows else []


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
    return _table(
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
    return _table(heads, rows)


def _cost(facts: Facts) -> str:
    size, latency = facts.size, facts.latency
    rows = [
        ["parameters", describe.count(size["params"]), describe.count(size.get("teacher_params"))],
        ["weights on disk", f"{size['bytes'] / 1e6:.2f} MB ({size['format']})", describe.NOTHING],
    ]
    if latency is not None:
        teacher = latency["teacher_ms"]
        label = f"one input, median of {latency['inputs']} ({latency['device']})"
        other = NOT_MEASURED if teacher is None else f"{teacher:.0f} ms"
        rows.append([label, f"{latency['student_ms']:.0f} ms", other])
    else:
        rows.append(["one input", NOT_MEASURED, NOT_MEASURED])
    if facts.onnx is not None:
        onnx = facts.onnx
        same = f"logits within {onnx['max_difference']:.1e} of PyTorch's on {onnx['prompts']} inputs"
        rows.append([f"`{onnx['file']}`", f"{onnx['bytes'] / 1e6:.2f} MB; {same}", describe.NOTHING])
    return _table(["cost", "student", "teacher"], rows)


def _int8(graph: Mapping[str, Any]) -> str:
    names = {
        "assertion_accuracy": "assertion accuracy (strict)",
        "variant_accuracy": "accuracy on variants",
        "agreement": "same answer as the teacher",
        "prediction_agreement_violated": "variants answered otherwise than the teacher",
    }
    rows = [[text, shown(graph["float"], name), shown(graph["int8"], name)] for name, text in names.items()]
    rows.append(["same answer as the unquantised student", "1", shown(graph["int8"], "same_as_float")])
    rows.append(["size", f"{graph['float_bytes'] / 1e6:.2f} MB", f"{graph['bytes'] / 1e6:.2f} MB"])
    heads = ["dynamic quantisation to 8 bits", "onnx/model.onnx", graph["file"]]
    note = f"On the first {graph['inputs']:,} of the inputs above, one at a time."
    return _table(heads, rows) + "\n\n" + note


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
    if facts.trial["task"] == "assertion":
        missing.append("whether the assertions compile and pass")
    missing.append("languages and projects other than those above")
    if facts.onnx is None:
        missing.append("other runtimes than PyTorch")
    return f"**Not measured**: {'; '.join(missing)}."
