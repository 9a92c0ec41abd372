"""A memory as orders and receipts name it in their files."""

from collections.abc import Iterable

import msgspec

from mem0tray.core.item import Name


class Named(msgspec.Struct, frozen=True):
    """A memory: its id, and the SHA-256 of project and content in hex."""

    id: str
    digest: str


def named(names: Iterable[Name]) -> list[Named]:
    """These memories for a file."""
    return [Named(name, digest.hex()) for name, digest in names]


def names_of(found: Iterable[Named]) -> list[Name]:
    """The memories that a file names; ValueError where a digest is none."""
    return [(each.id, bytes.fromhex(each.digest)) for each in found]
