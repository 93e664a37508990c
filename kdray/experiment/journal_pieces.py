"""The pieces of a journal behind a URI, written so that whoever was taken over writes no more.

A lease tells who drives a sweep, but between a look at it and a write there is a moment, and a process that is
held up in it for longer than the lease would write as a second one. On an S3 API with conditional writes
(`kdray[s3]`) it cannot: whoever opens the journal seals its last piece by a line end, and from then on a write of
what that piece was before is refused by the store itself. Elsewhere pieces are written as they are, which is said.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Callable
from typing import Any, TypeVar

from kdray import storage
from kdray.errors import KdrayError, first_line

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

SEALED = re.compile(rb"\n{2,}")
"""What seals leave between lines."""


class Pieces:
    """The objects in a folder behind a URI.

    Args:
        folder: the URI; what is in it is read and written by name. Also an attribute.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._store = _store(folder)
        self._tags: dict[str, str] = {}
        self._is_lost = False

    def opened(self) -> tuple[list[str], bytes]:
        """The names of all pieces and what they hold together, the last one sealed.

        Raises:
            KdrayError: another process writes at this moment.
            StorageError: the endpoint does not answer.
        """
        names = storage.list_files(self.folder)
        read = [self._read(name) for name in names]
        if self._store is not None and names:
            self.write(names[-1], read[-1] + b"\n")
        return names, SEALED.sub(b"\n", b"".join(read))

    def write(self, name: str, data: bytes) -> None:
        """Writes a piece that is new, or is what this process knows it to be.

        Raises:
            KdrayError: it is something else by now.
            StorageError: the endpoint does not answer.
        """
        if self._store is None:
            storage.write_atomic(storage.join(self.folder, name), data)
            return
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        known = self._tags.get(name)
        mode: Any = "create" if known is None else {"e_tag": known}

        def put() -> str:
            return str(obstore.put(self._store, name, data, mode=mode, use_multipart=False)["e_tag"])

        try:
            if not self._is_lost:
                self._tags[name] = self._patiently(name, put)
        except (AlreadyExistsError, PreconditionError):
            # A write that was done and not heard of is asked for again: then it is what was to be written.
            self._is_lost = self._read(name) != data
        if self._is_lost:
            raise KdrayError(f"{self.folder}: taken over by another kdray process")

    def _read(self, name: str) -> bytes:
        if self._store is None:
            return storage.read_bytes(storage.join(self.folder, name))
        import obstore

        def get() -> bytes:
            got = obstore.get(self._store, name)
            data = bytes(got.bytes())
            self._tags[name] = str(got.meta["e_tag"])
            return data

        return self._patiently(name, get)

    def _patiently(self, name: str, act: Callable[[], Answer]) -> Answer:
        """As `storage` asks its endpoint: again while it fails, but where it refuses."""
        from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

        def asked() -> Answer:
            try:
                return act()
            except (AlreadyExistsError, PreconditionError):
                raise
            except BaseError as error:
                raise OSError(" ".join(str(error).split())[:300]) from error

        return storage.patiently(storage.join(self.folder, name), asked)


def _store(folder: str) -> Any:
    """The store with conditional writes behind a URI; None, which is said, where it cannot be had."""
    why = "no S3 API without options" if not folder.startswith("s3://") or "?" in folder else ""
    if not why:
        try:
            return _opened(folder)
        except ImportError:
            why = "needs kdray[s3]"
        except (
            Exception
        ) as error:  # its credentials may be told in a way that pyarrow knows and obstore does not
            why = first_line(error)
    log.warning(
        "%s: no writes on a condition (%s): a driver held up for longer than its lease could still write",
        folder, why,
    )  # fmt: skip
    return None


def _opened(folder: str) -> Any:
    """The store, asked once whether it answers."""
    import obstore
    from obstore.store import from_url

    plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
    # How long it is asked is `storage`'s to say.
    store = from_url(folder, client_options={"allow_http": plain}, retry_config={"max_retries": 0})
    with contextlib.suppress(FileNotFoundError):
        obstore.head(store, "000000")
    return store
