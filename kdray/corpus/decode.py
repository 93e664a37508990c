"""The bytes of a source as text, as its language reads them; never with a character put in a byte's place.

Python: a byte order mark, the coding cookie, else UTF-8. Java says nowhere in a source what its bytes mean: a byte
order mark, UTF-8 where it fits, what the build declares, else Windows-1252 where the result looks like a text in
it (single Latin letters and signs among ASCII). What fits nothing is refused.
"""

from __future__ import annotations

import codecs
import io
import re
import tokenize

from kdray.errors import DataError

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks; that of UTF-32 goes before that of UTF-16, which begins alike."""
WESTERN = "windows-1252"
_RUN = re.compile(r"[^\x00-\x7f]+")
_LONGEST_RUN = 3
_AROUND = "\N{NO-BREAK SPACE}«»“”…\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}"
"""Signs that stand beside a letter."""
_ALONE = frozenset("§°©®·¿¡ªº±²³µ¶£€¥¢•™¼½¾÷\N{EN DASH}\N{EM DASH}\N{ACUTE ACCENT}ŠšŒœŽžŸ") | {
    chr(number) for number in range(ord("À"), ord("ÿ") + 1)
}


def mark_of(data: bytes) -> str:
    """The encoding that a byte order mark tells, "" without one."""
    return next((encoding for mark, encoding in MARKS if data.startswith(mark)), "")


def python_text(data: bytes) -> str:
    """A Python source. Raises `DataError` for bytes that are not in the encoding that it names."""
    try:
        encoding = mark_of(data)
        if not encoding or encoding == "utf-8-sig":
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return _lines(data.decode(encoding))
    except SyntaxError as error:
        raise DataError(f"encoding: {error.msg}".split(" for ")[0]) from error
    except (UnicodeError, LookupError) as error:
        raise DataError(f"encoding: no {encoding}") from error


def java_text(data: bytes, declared: str = "") -> str:
    """A Java source. `declared` is what the build says. Raises `DataError` for bytes that fit no encoding."""
    marked = mark_of(data)
    for encoding in filter(None, (marked,) if marked else ("utf-8", declared)):
        try:
            return _lines(data.decode(encoding))
        except (UnicodeError, LookupError):
            continue
    text = None if marked else western(data)
    if text is None:
        raise DataError(f"encoding: no {marked or declared or 'UTF-8'}")
    return _lines(text)


def western(data: bytes) -> str | None:
    """The text, if it looks like one in Windows-1252 (or Latin-1), else None."""
    try:
        text = data.decode(WESTERN)
    except UnicodeDecodeError:
        return None
    runs = _RUN.findall(text)
    fits = all(len(run) <= _LONGEST_RUN and _is_western(run.strip(_AROUND)) for run in runs)
    return text if fits else None


def _is_western(run: str) -> bool:
    """At most two letters stand together, and then small ones: what other encodings write looks otherwise."""
    return set(run) <= _ALONE and (len(run) < 2 or (len(run) == 2 and run.islower()))


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def is_text(value: str) -> bool:
    """Whether a text can be written: JSON may hold half a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
