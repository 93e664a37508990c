"""What a folder of shards holds; written last, so that its presence means the folder is complete.

The manifest has the SHA-256 of every shard and of itself, and its bytes are the one canonical form of its
content: any flipped byte anywhere is found.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from kdray import storage
from kdray.errors import DataError
from kdray.teacher.codec import Codec
from kdray.teacher.codecs import make

FORMAT_VERSION = 1
FILE = "manifest.json"
MOST = 2**63
MOST_TOKENS = 2**24
"""What ids are packed in (`bits`)."""


@dataclass(frozen=True)
class ShardHeader:
    """Whose signal this is, on what. Fingerprints are 16 hex digits.

    Attributes:
        task: the task's name.
        teacher: fingerprint of the teacher's weights and configuration.
        teacher_params: how many parameters it has.
        tokenizer: fingerprint of the tokenizer.
        vocab: V of the logits.
        corpus: fingerprint of the corpus.
        targets: `truth` where the rows hold the corpus's answers, `greedy` where they hold the teacher's own.
        dtype: precision that the teacher was run in.
        device: kind of device that it was run on, as torch names it.
    """

    task: str
    teacher: str
    teacher_params: int
    tokenizer: str
    vocab: int
    corpus: str
    targets: str = "truth"
    dtype: str = "float32"
    device: str = "cpu"


@dataclass(frozen=True)
class ShardInfo:
    """One file.

    Attributes:
        name: within the folder.
        rows: sequences.
        tokens: target positions.
        signal_bytes: of the codec's fields, what its bytes per token are counted by.
        bytes: of the whole file.
        sha256: of the whole file.
    """

    name: str
    rows: int
    tokens: int
    signal_bytes: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """See the module; `header` fields are also attributes."""

    header: ShardHeader
    codec_name: str
    codec_params: dict[str, Any]
    state: ShardInfo | None
    shards: tuple[ShardInfo, ...]
    format_version: int = field(default=FORMAT_VERSION)

    @property
    def task(self) -> str:
        """Name of the task."""
        return self.header.task

    @property
    def teacher(self) -> str:
        """Fingerprint of the teacher."""
        return self.header.teacher

    @property
    def teacher_params(self) -> int:
        """Parameters of the teacher."""
        return self.header.teacher_params

    @property
    def tokenizer(self) -> str:
        """Fingerprint of the tokenizer."""
        return self.header.tokenizer

    @property
    def vocab(self) -> int:
        """V."""
        return self.header.vocab

    @property
    def corpus(self) -> str:
        """Fingerprint of the corpus."""
        return self.header.corpus

    @property
    def grid(self) -> tuple[float, ...]:
        """Nodes a = 1/T of the stored ln R_a."""
        return self.codec().grid

    @property
    def rows(self) -> int:
        """Sequences in all shards."""
        return sum(shard.rows for shard in self.shards)

    @property
    def tokens(self) -> int:
        """Target positions in all shards."""
        return sum(shard.tokens for shard in self.shards)

    @property
    def bytes(self) -> int:
        """Size of all shards."""
        return sum(shard.bytes for shard in self.shards)

    @property
    def signal_bytes(self) -> int:
        """Size of the teacher's signal in all shards, without the sequences."""
        return sum(shard.signal_bytes for shard in self.shards)

    def codec(self) -> Codec:
        """The codec that reads the shards."""
        return make(self.codec_name, **self.codec_params)


def dump(manifest: Manifest) -> bytes:
    """The one canonical form: sums and a checksum beside the content."""
    content = asdict(manifest) | {
        "grid": list(manifest.grid),
        "rows": manifest.rows,
        "tokens": manifest.tokens,
        "bytes": manifest.bytes,
    }
    content["checksum"] = storage.sha256(_canonical(content))
    return _canonical(content)


def _canonical(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()


def parse(data: bytes, source: str) -> Manifest:
    """The manifest in these bytes. Raises `DataError` for anything but the canonical form of this version."""
    try:
        content = json.loads(data)
        version, checksum = content["format_version"], content.pop("checksum")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DataError(f"{source}: damaged: not a manifest") from None
    if version != FORMAT_VERSION:
        raise DataError(f"{source}: format version {version!r}, this kdray reads {FORMAT_VERSION}")
    whole = {**content, "checksum": checksum}
    if checksum != storage.sha256(_canonical(content)) or _canonical(whole) != data:
        raise DataError(f"{source}: damaged: its checksum does not fit")
    try:
        manifest = Manifest(
            header=ShardHeader(**content["header"]),
            codec_name=content["codec_name"],
            codec_params=content["codec_params"],
            state=content["state"] and ShardInfo(**content["state"]),
            shards=tuple(ShardInfo(**shard) for shard in content["shards"]),
        )
        _check_values(manifest)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{source}: damaged: {error}") from None
    except DataError as error:
        raise DataError(f"{source}: {error}") from None
    return manifest


def _check_values(manifest: Manifest) -> None:
    """Raises `ValueError` for what no writer says: a checksum tells of accidents alone."""
    infos = [*manifest.shards, *([manifest.state] if manifest.state else [])]
    parts: list[ShardHeader | ShardInfo] = [manifest.header, *infos]
    for part in parts:
        for field_of in fields(part):
            value = getattr(part, field_of.name)
            if type(value).__name__ != field_of.type:
                raise ValueError(f"{field_of.name} is {value!r:.60}, not {field_of.type}")
            if isinstance(value, int) and not 0 <= value < MOST:
                raise ValueError(f"{field_of.name} is {value!r:.60}")
    if not 1 <= manifest.vocab <= MOST_TOKENS:
        raise ValueError(f"vocab is {manifest.vocab}: 1 to {MOST_TOKENS:,}")
    names = [shard.name for shard in manifest.shards]
    if names != [f"shard-{number:05d}.arrow" for number in range(len(names))]:
        raise ValueError("its shards are not numbered from 0 on")
    if manifest.state and manifest.state.name != "state.arrow":
        raise ValueError(f"its state is {manifest.state.name!r:.60}")
    manifest.codec()


def read(folder: str) -> Manifest:
    """The manifest of a folder. Raises `DataError` where it is missing, damaged or of another version."""
    source = storage.join(folder, FILE)
    if storage.is_uri(folder):
        return parse(storage.read_bytes(source), source)
    if not storage.exists(source):
        hint = "its capture is not finished" if storage.exists(folder) else "no such folder"
        raise DataError(f"{folder}: no {FILE}: {hint}")
    return parse(storage.read_bytes(source), source)


def check(manifest: Manifest, folder: str, **expected: str | None) -> None:
    """Raises `DataError` where a fingerprint of the header is not the expected one; None expects nothing."""
    for key, value in expected.items():
        actual = getattr(manifest.header, key)
        if value is not None and actual != value:
            raise DataError(f"{folder}: made with {key} {actual}, this is {key} {value}")
