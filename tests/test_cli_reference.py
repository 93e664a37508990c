"""The reference of the command line says what the commands say."""

from __future__ import annotations

from tests.cli_reference import BEGIN, REFERENCE, reference


def test_the_reference_is_what_the_commands_say():
    written = REFERENCE.read_text(encoding="utf-8").partition(BEGIN)[2]
    assert written == reference().removeprefix(BEGIN), "run: python tests/cli_reference.py"
