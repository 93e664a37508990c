"""Where a checkout comes from: its project, version and licence, as far as its files say."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from kdray.corpus.left_out import plain_path

_LICENSE_NAMES = re.compile(
    r"(un)?licen[cs]e|copying|mit-license|(apache|bsd|gpl|epl|mpl)[-_.]?licen[cs]e", re.I
)
"""How the name of a licence file begins."""
_VERSIONED = r"{}[\s,(]+(?:Version|v)\.?\s*{}"
LICENSES = (
    (
        "Apache-2.0",
        r"Apache License,?\s+Version 2\.0|apache\.org/licenses/LICENSE-2\.0|License: Apache-2(\.0)?\b",
    ),
    ("AGPL-3.0", _VERSIONED.format("GNU AFFERO GENERAL PUBLIC LICENSE", "3")),
    ("LGPL-3.0", _VERSIONED.format("GNU LESSER GENERAL PUBLIC LICENSE", "3")),
    ("LGPL-2.1", _VERSIONED.format("GNU LESSER GENERAL PUBLIC LICENSE", r"2\.1")),
    ("LGPL", r"GNU (LESSER|LIBRARY) GENERAL PUBLIC LICENSE"),
    ("AGPL", r"GNU AFFERO GENERAL PUBLIC LICENSE"),
    ("GPL-3.0", _VERSIONED.format("GNU GENERAL PUBLIC LICENSE", "3")),
    ("GPL-2.0", _VERSIONED.format("GNU GENERAL PUBLIC LICENSE", "2")),
    ("GPL", r"GNU GENERAL PUBLIC LICENSE"),
    ("EPL-2.0", r"Eclipse Public License\W+v(ersion)? ?2\.0"),
    ("EPL-1.0", r"Eclipse Public License\W+v(ersion)? ?1\.0"),
    ("EDL-1.0", r"Eclipse Distribution License\W+v(ersion)? ?1\.0"),
    ("MPL-2.0", r"Mozilla Public License,?\s+v(ersion|\.)? ?2\.0"),
    ("MPL-1.1", r"Mozilla Public License,?\s+v(ersion|\.)? ?1\.1"),
    ("CDDL-1.1", r"COMMON DEVELOPMENT AND DISTRIBUTION LICENSE[\s\S]{0,40}Version 1\.1"),
    ("CDDL-1.0", r"COMMON DEVELOPMENT AND DISTRIBUTION LICENSE"),
    ("BSL-1.0", r"Boost Software License\W+Version 1\.0"),
    (
        "BSD-3-Clause",
        r"Redistribution and use in source and binary forms[\s\S]*(Neither the name|may not be used to endorse)",
    ),
    ("BSD-2-Clause", r"Redistribution and use in source and binary forms"),
    ("ISC", r"Permission to use, copy, modify,? and(/or)? distribute this software for any purpose"),
    ("MIT", r"Permission is hereby granted, free of charge"),
    ("Unlicense", r"This is free and unencumbered software"),
    ("CC0-1.0", r"CC0 1\.0 Universal"),
    ("WTFPL", r"DO WHAT THE FUCK YOU WANT TO"),
    ("PSF-2.0", r"PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2"),
    ("Apache-1.1", r"The Apache Software License, Version 1\.1"),
    ("Zlib", r"This software is provided 'as-is', without any express or implied warranty"),
)
"""What tells a licence, the first that is found; an `SPDX-License-Identifier` goes before."""
ENCODINGS = (
    ("pom.xml", r"<project\.build\.sourceEncoding>\s*([\w.-]+)\s*<|<encoding>\s*([\w.-]+)\s*</encoding>"),
    ("build.gradle*", r"options\.encoding\s*=\s*[\"']([\w.-]+)"),
    ("build.xml", r"\bencoding=\"([\w.-]+)\"(?!\?>)[^>]*(?<!\?)>|<javac[^>]*\bencoding=\"([\w.-]+)\""),
    (".settings/org.eclipse.core.resources.prefs", r"^encoding/\S+=([\w.-]+)"),
    (".editorconfig", r"^charset\s*=\s*([\w-]+)"),
    ("debian/rules", r"-encoding[ =]([\w.-]+)|file\.encoding=([\w.-]+)"),
)
"""Where a build says what the bytes of its sources mean."""
_READ = 200_000


@dataclass(frozen=True)
class Origin:
    """What every row of a checkout says.

    Attributes:
        repo: the project's name.
        commit: git's, or the version in `debian/changelog`, or "".
        license: as an SPDX identifier where it has one, or "".
        encoding: of its sources, where the build names one, or "".
    """

    repo: str
    commit: str
    license: str
    encoding: str = ""


def origin_of(root: Path, name: str = "") -> Origin:
    """The origin of the checkout at `root`, which goes by the name of its folder without another."""
    commit = _commit(root) or _debian_version(root)
    return Origin(name or plain_path(root.name), commit, _license(root), _encoding(root))


def _commit(root: Path) -> str:
    if not (root / ".git").exists():
        return ""
    try:
        answer = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""


def _debian_version(root: Path) -> str:
    match = re.match(r"\S+ \(([^)]+)\)", _text(root / "debian" / "changelog"))
    return match[1] if match else ""


def _license(root: Path) -> str:
    for path in _license_files(root):
        text = _text(path)
        tagged = re.search(r"SPDX-License-Identifier:\s*([\w.+-]+)", text)
        if tagged:
            return tagged[1]
        for name, words in LICENSES:
            if re.search(words, text, re.IGNORECASE):
                return name
    return ""


def _license_files(root: Path) -> list[Path]:
    """Those of the checkout, in folders for them too, then Debian's."""
    named = [path for path in sorted(root.iterdir()) if _LICENSE_NAMES.match(path.name)]
    inside = [path for folder in named if folder.is_dir() for path in sorted(folder.iterdir())]
    files = [path for path in [*named, *inside] if path.is_file() and path.suffix not in (".java", ".py")]
    return [*files, root / "META-INF" / "LICENSE", root / "debian" / "copyright"]


def _encoding(root: Path) -> str:
    for pattern, words in ENCODINGS:
        for path in sorted(root.glob(pattern)):
            if match := re.search(words, _text(path), re.MULTILINE):
                return str(next(filter(None, match.groups())))
    return ""


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            return stream.read(_READ)
    except OSError:
        return ""
