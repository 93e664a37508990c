"""Where a checkout comes from: its project, version and licence, as far as its files say."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

LICENSE_FILES = ("LICENSE*", "LICENCE*", "COPYING*", "license*", "debian/copyright")
LICENSES = (
    (
        "Apache-2.0",
        r"Apache License,?\s+Version 2\.0|apache\.org/licenses/LICENSE-2\.0|License: Apache-2(\.0)?\b",
    ),
    ("LGPL", r"GNU LESSER GENERAL PUBLIC LICENSE"),
    ("AGPL", r"GNU AFFERO GENERAL PUBLIC LICENSE"),
    ("GPL", r"GNU GENERAL PUBLIC LICENSE"),
    ("EPL-2.0", r"Eclipse Public License\W+v(ersion)? ?2\.0"),
    ("EPL-1.0", r"Eclipse Public License\W+v(ersion)? ?1\.0"),
    ("MPL-2.0", r"Mozilla Public License,?\s+v(ersion|\.)? ?2\.0"),
    ("BSD-3-Clause", r"Redistribution and use in source and binary forms[\s\S]*Neither the name"),
    ("BSD-2-Clause", r"Redistribution and use in source and binary forms"),
    ("MIT", r"Permission is hereby granted, free of charge"),
    ("Unlicense", r"This is free and unencumbered software"),
)
"""What tells a licence, the first that is found; an `SPDX-License-Identifier` goes before."""
_READ = 200_000


@dataclass(frozen=True)
class Origin:
    """What every row of a checkout says.

    Attributes:
        repo: the project's name.
        commit: git's, or the version in `debian/changelog`, or "".
        license: as an SPDX identifier where it has one, or "".
    """

    repo: str
    commit: str
    license: str


def origin_of(root: Path) -> Origin:
    """The origin of the checkout at `root`."""
    return Origin(root.name, _commit(root) or _debian_version(root), _license(root))


def _commit(root: Path) -> str:
    if not (root / ".git").exists():
        return ""
    try:
        found = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""


def _debian_version(root: Path) -> str:
    found = re.match(r"\S+ \(([^)]+)\)", _text(root / "debian" / "changelog"))
    return found[1] if found else ""


def _license(root: Path) -> str:
    for pattern in LICENSE_FILES:
        for path in sorted(root.glob(pattern)):
            text = _text(path)
            tagged = re.search(r"SPDX-License-Identifier:\s*([\w.+-]+)", text)
            if tagged:
                return tagged[1]
            for name, words in LICENSES:
                if re.search(words, text, re.IGNORECASE):
                    return name
    return ""


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            return stream.read(_READ)
    except OSError:
        return ""
