"""A PostgreSQL of one's own: an unprivileged user's, in a folder that goes with it, on a socket alone."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.cluster.hosts import until

PASSWORD = "KDRAY_TEST_PASSWORD"  # noqa: S105 - the name of a variable


def _folder() -> Path | None:
    """Where Debian keeps the programs of the newest version, or whoever has them in the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[4]))
    here = shutil.which("initdb")
    return found[-1].parent if found else Path(here).resolve().parent if here else None


def why_not() -> str | None:
    """Why this machine has no PostgreSQL, None where it has."""
    if importlib.util.find_spec("pg8000") is None:
        return "no driver of PostgreSQL here: pip install 'kdray[postgresql]'"
    return None if _folder() else "PostgreSQL is not here: no initdb (Debian's package postgresql)"


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The URL of an empty database; its password is in the environment alone."""
    programs = _folder()
    assert programs is not None
    user = _unprivileged()
    os.environ[PASSWORD] = secrets.token_hex(16)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "password").write_text(os.environ[PASSWORD])
        for path in (folder, folder / "password"):
            os.chown(path, user.pw_uid, user.pw_gid)
        own: dict[str, object] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            own = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        subprocess.run(
            [programs / "initdb", "--pgdata", folder / "data", "--username", "kdray", "--auth", "scram-sha-256",
             "--pwfile", folder / "password", "--locale", "C", "--encoding", "UTF8"],
            check=True, capture_output=True, cwd=folder, **own,
        )  # fmt: skip
        with open(folder / "log", "wb") as log:
            process = subprocess.Popen(
                [programs / "postgres", "-D", folder / "data", "-c", "listen_addresses=", "-k", folder],
                stdout=log, stderr=log, cwd=folder, **own,
            )  # fmt: skip
        try:
            ready = "database system is ready to accept connections"
            until(lambda: ready in (folder / "log").read_text(), lambda: (folder / "log").read_text())
            socket = folder / ".s.PGSQL.5432"
            yield f"postgresql+pg8000://kdray:${{{PASSWORD}}}@/postgres?unix_sock={socket}"
        finally:
            process.send_signal(signal.SIGINT)  # an end that does not wait for connections to close
            process.wait(timeout=60)


def _unprivileged() -> pwd.struct_passwd:
    """Who runs it: whoever runs this, or for root the user of Debian's package."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
