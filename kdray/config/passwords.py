"""Passwords in URLs: found in every place that a URL has for one, for a URL stands in files and reports.

A URL is asked as text, not taken apart: what a parser makes of a password with a slash, or of brackets, is another
matter in each library that reads it later.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

_VARIABLE = r"\$\{\w+\}"
_USER = re.compile(r"^(?P<before>[a-zA-Z][\w+.-]*://[^/?#@:]*:)(?P<password>.*)@", re.DOTALL)
_NAMED = re.compile(
    r"(?P<before>(?:pass\w*|pwd|\w*secret\w*|\w*token\w*|\w*credential\w*|api_?key|access_?key\w*|sslpassword)"
    r"\s*[=:]\s*)(?P<password>[^&;\s]+)",
    re.IGNORECASE,
)


def holds_password(url: str) -> bool:
    """Whether a password stands in a URL; `${VARIABLE}` in its place is none."""
    return any(not re.fullmatch(_VARIABLE, found["password"]) for found in _passwords(url))


def without_password(text: str) -> str:
    """A URL, or a line that holds some, as it may be shown."""
    plain = unquote(unquote(text))
    text = plain if _NAMED.search(plain) else text
    for pattern in (re.compile(r"(?P<before>[a-zA-Z][\w+.-]*://[^/?#@:\s]*:)(?P<password>\S*)@"), _NAMED):
        text = pattern.sub(lambda found: found[0].replace(found["password"], "...", 1), text)
    return text


def _passwords(url: str) -> list[re.Match[str]]:
    found = [_USER.match(url)] if "@" in url else []
    if "://" in url:
        query = url.partition("://")[2]
        found += _NAMED.finditer(unquote(unquote(query[re.search(r"[?#;]|$", query).start() :])))  # type: ignore[union-attr]
    return [one for one in found if one is not None and one["password"]]
