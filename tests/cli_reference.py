"""The reference of all commands, `kdray/cli/README.md`, out of the commands themselves.

`python tests/cli_reference.py` writes it; `tests/test_cli_reference.py` holds it to what the commands say.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from kdray.cli import app

REFERENCE = Path(__file__).resolve().parents[1] / "kdray" / "cli" / "README.md"
BEGIN = "<!-- from here on written by tests/cli_reference.py -->"

EVERYWHERE = ("--help", "--quiet", "--verbose")
"""Options of every verb, which the head tells of."""


def commands(group: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every command below a group with its whole name, in the order of the help."""
    for word, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name} {word}")
        else:
            yield f"{name} {word}", command


def described(name: str, command: Any) -> list[str]:
    """One command: how it is called, what it does, its options."""
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.opts[0] not in EVERYWHERE]
    called = [name, *(_argument(p) for p in arguments), *(["[OPTIONS]"] if options else [])]
    lines = ["", f"## `{name}`", "", "```", " ".join(called), "```", *_prose(command.help)]
    if arguments or options:
        lines += ["", "| | |", "|---|---|"]
    lines += [f"| `{_argument(p)}` | {_cell(p)} |" for p in arguments]
    return lines + [f"| `{' / '.join([*p.opts, *p.secondary_opts])}` | {_cell(p)} |" for p in options]


def _argument(parameter: Any) -> str:
    word = str(parameter.metavar or parameter.name.upper())
    return word if parameter.required or word.startswith("[") else f"[{word}]"


def _prose(text: str | None) -> list[str]:
    """The help in paragraphs; an example stands by itself."""
    lines: list[str] = []
    for paragraph in inspect.cleandoc((text or "").replace("\f", "").replace("\b", "")).split("\n\n"):
        prose, _, example = " ".join(paragraph.split()).partition("Example: ")
        lines += ["", prose.strip()] if prose.strip() else []
        lines += ["", "Example:", "```", example, "```"] if example else []
    return lines


def _cell(parameter: Any) -> str:
    default = parameter.default
    shown = (
        "" if default in (None, False, (), []) or callable(default) or parameter.required else f"{default}"
    )
    text = (parameter.help or "").replace("|", "\\|").replace("<", "\\<")
    return text + (f" (default: `{shown}`)" if shown and shown != "True" else "")


def reference() -> str:
    """The whole reference."""
    lines = [BEGIN]
    for name, command in commands(typer.main.get_command(app), "kdray"):
        lines += described(name, command)
    return "\n".join(lines) + "\n"


def main() -> None:
    head = REFERENCE.read_text(encoding="utf-8").partition(BEGIN)[0]
    REFERENCE.write_text(head + reference(), encoding="utf-8")


if __name__ == "__main__":
    main()
