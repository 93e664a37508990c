"""Where a study is: a journal in the experiment folder, in a file or behind a URI, or a database."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import time
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import quote

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from kdray import storage
from kdray.config import OWN_VARIABLES, Sweep
from kdray.errors import ConfigError, KdrayError
from kdray.experiment.journal import RemoteJournal
from kdray.experiment.journal_lines import sound_lines
from kdray.storage import is_uri

log = logging.getLogger(__name__)

STALE_LOCK_S = 2.0


def open_remote(
    sweep: Sweep, folder: str, own: Path, check: Callable[[], None], allow_env: Sequence[str] = OWN_VARIABLES
) -> BaseStorage:
    """`open_storage` of an experiment behind a URI, with a folder of this machine for a copy; `check` raises where
    this process may write no more.
    """
    if sweep.search.storage:
        return open_storage(sweep, own, allow_env)
    return JournalStorage(RemoteJournal(folder, own / "study.journal", check))


def open_storage(sweep: Sweep, folder: Path, allow_env: Sequence[str] = OWN_VARIABLES) -> BaseStorage:
    """The storage of a sweep's study: `search.storage`, or the file study.journal in the experiment folder.

    The caller holds the lock of the folder, so a line that a kill cut short and a lock that a kill left
    behind can be removed.

    Args:
        sweep: whose study.
        folder: the experiment folder.
        allow_env: names of variables of the environment that `search.storage` may name, as patterns.

    Raises:
        ConfigError: a package or a variable that the URL needs is not there, or may not be told.
        KdrayError: the database does not answer.
    """
    if sweep.search.storage:
        return _open_database(sweep.search.storage, allow_env)
    path = folder / "study.journal"
    _free_stale_lock(Path(f"{path}.lock"))
    _mend(path)
    return JournalStorage(JournalFileBackend(str(path)))


def read_study(sweep: Sweep, folder: str) -> optuna.Study:
    """A sweep's study in its journal, to be read. Raises `ConfigError` for one behind a URI, and for one in a
    database: nothing connects to that because a folder says so.
    """
    if sweep.search.storage:
        raise ConfigError(
            f"{folder}: its study is in a database: optuna.load_study(study_name='{sweep.name}', storage=...)"
        )
    path = Path(folder, "study.journal")
    if is_uri(folder) or not path.exists():
        raise ConfigError(f"{folder}: no study.journal is there; a study behind a URI is read from a copy")
    return optuna.load_study(study_name=sweep.name, storage=JournalStorage(JournalFileBackend(str(path))))


def _open_database(url: str, allow_env: Sequence[str]) -> BaseStorage:
    """`url` may name variables of the environment, as in `postgresql+pg8000://kdray:${KDRAY_DB}@host/kdray`: those
    that are allowed, for it is the file's author who says where they go.
    """

    def value(variable: re.Match[str]) -> str:
        if not any(fnmatchcase(variable[1], pattern) for pattern in allow_env):
            raise ConfigError(
                f"search.storage: '{url}': would tell {variable[1]} of your environment to that host: if it may,"
                f" say --allow-env {variable[1]}"
            )
        if variable[1] not in os.environ:
            raise ConfigError(f"search.storage: '{url}': the environment has no {variable[1]}")
        return quote(os.environ[variable[1]], safe="")

    whole = re.sub(r"\$\{(\w+)\}", value, url)
    try:
        # A server that came back is connected to anew instead of ending the sweep.
        return optuna.storages.get_storage(RDBStorage(whole, engine_kwargs={"pool_pre_ping": True}))
    except ImportError as error:
        hint = ": pip install 'kdray[postgresql]'" if "pg8000" in url else ""
        raise ConfigError(f"search.storage: '{url}': {error}{hint}") from error
    except Exception as error:
        raise KdrayError(f"search.storage: '{url}': {' '.join(str(error).split())}") from None


def _free_stale_lock(path: Path) -> None:
    """Optuna would wait 30 s for the lock of a killed process; a living one (a dashboard) holds it for
    milliseconds.
    """
    deadline = time.monotonic() + STALE_LOCK_S
    while path.is_symlink():
        if time.monotonic() > deadline:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
        time.sleep(0.05)


def _mend(path: Path) -> None:
    """Drops a line that a kill cut short. Damage before it is said, and the journal as it was is kept."""
    if not path.exists():
        return
    data = storage.read_bytes(path)
    sound, bad = sound_lines(data)
    if bad:
        kept = storage.free_place(path)
        storage.write_atomic(kept, data)  # beside it before it changes: there is a journal at each moment
        shown = ", ".join(map(str, bad[:10])) + (" and others" if len(bad) > 10 else "")
        log.warning(
            "%s: line %s: damaged, left out; the journal as it was is kept as %s",
            path,
            shown,
            os.path.basename(kept),
        )
        storage.write_atomic(path, sound)
    elif len(sound) < len(data):
        os.truncate(path, len(sound))
