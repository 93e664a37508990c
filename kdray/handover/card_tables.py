"""Tables of a model card: what a student costs, and what its other forms say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kdray.config.metric_names import ALL_OF_RUNS
from kdray.report import describe
from kdray.report.front import ends
from kdray.report.text_table import pipe_table

NOT_MEASURED = "not measured"


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its columns to the left."""
    return pipe_table(heads, rows, "l" * len(heads)).rstrip("\n")


def shown(metrics: Mapping[str, Any], name: str) -> str:
    """A metric with its interval, or that it was not measured."""
    value = metrics.get(name)
    if not isinstance(value, (int, float)):
        return NOT_MEASURED
    return describe.with_interval(float(value), *ends((metrics.get("intervals") or {}).get(name)))


def runs(metrics: Mapping[str, Any]) -> list[str]:
    """What running the student's assertions says; nothing where none were run."""
    names = [name for name in ALL_OF_RUNS if name in metrics]
    head = f"{metrics.get('counts', {}).get('run_cases', 0):,} of the tests, run with what it writes"
    rows = [[describe.title(name), shown(metrics, name), describe.DEFINITIONS[name]] for name in names]
    return [table([head, "student", ""], rows)] if rows else []


def cost(size: Mapping[str, Any], latency: Mapping[str, Any] | None, onnx: Mapping[str, Any] | None) -> str:
    """Sizes and times beside the teacher's."""
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
    if onnx is not None:
        same = f"logits within {onnx['max_difference']:.1e} of PyTorch's on {onnx['prompts']} inputs"
        files = f"{onnx['file']}: {onnx['ms']:.1f} ms for one input"
        rows.append([files, f"{onnx['bytes'] / 1e6:.2f} MB; {same}", describe.NOTHING])
    return table(["cost", "student", "teacher"], rows)


def form_table(form: Mapping[str, Any], heads: Sequence[str], before: Mapping[str, Any] | None) -> str:
    """What another form says beside the student; `before` is the graph that it was made of, or None."""
    names = {
        "assertion_accuracy": "assertion accuracy (strict)",
        "accuracy": "accuracy",
        "variant_accuracy": "accuracy on variants",
        "agreement": "same answer as the teacher",
        "prediction_agreement_violated": "variants answered otherwise than the teacher",
    }
    rows = [
        [text, shown(form["float"], name), shown(form["form"], name)]
        for name, text in names.items()
        if name in form["form"]
    ]
    rows.append(["same answer as the student itself", "1", shown(form["form"], "same_as_float")])
    rows.append(["size", f"{form['float_bytes'] / 1e6:.2f} MB", f"{form['bytes'] / 1e6:.2f} MB"])
    own = describe.NOTHING if before is None else f"{before['ms']:.1f} ms"
    rows.append(["one input", own, f"{form['ms']:.1f} ms"])
    note = f"On the first {form['inputs']:,} of the inputs above, one at a time."
    return table(heads, rows) + "\n\n" + note


def how_text_is_read(gguf: Mapping[str, Any]) -> str:
    """What llama.cpp makes of text, and how prompts go in where that is not certain."""
    if "reads" in gguf:
        said = (
            f"llama.cpp read {gguf['reads']:,} of {gguf['texts']:,} prompts as this folder's tokenizer does"
        )
    else:
        said = f"How llama.cpp reads text was {NOT_MEASURED}: llama-cpp-python is not installed"
    if gguf["exact"]:
        return f"{said}."
    return (
        f"{said}: it cuts indentations otherwise than this tokenizer where they are no multiple of four spaces. So"
        " give it the ids of the prompt, as above, not its text:\n\n"
        f"""```python
from llama_cpp import Llama
from tokenizers import Tokenizer

ids = Tokenizer.from_file("tokenizer.json").encode("def test_total():\\n    items = [1, 2]\\n    ").ids
model = Llama("{gguf["file"]}", n_ctx=0, verbose=False)
print(model(ids, max_tokens=64, temperature=0)["choices"][0]["text"])
```
`llama-server` takes ids too: `{{"prompt": [7, 12]}}` to `/completion`."""
    )
