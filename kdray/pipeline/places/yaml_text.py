"""YAML for people to read before they submit it."""

from __future__ import annotations

from typing import Any

import yaml


class Block(str):
    """Text that YAML shows line by line."""


class _Dumper(yaml.SafeDumper):
    """Shows `Block` line by line and repeats nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:
        """Anchors are for machines."""
        return True


_Dumper.add_representer(
    Block, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|")
)


def dump(*documents: Any) -> str:
    """Plain data as one or more YAML documents, keys in the order given."""
    return str(yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, width=110))
