"""Nothing is lost, whatever a power cut leaves of the files."""

from typing import Final

import pytest

from tests.proofs.crash_states import power_cuts
from tests.proofs.crash_states.disk import (
    Disk,
    Name,
    Operation,
    Resize,
    SyncFile,
    SyncFolder,
    Tree,
    Write,
)
from tests.proofs.crash_states.proof import prove
from tests.proofs.crash_states.protocols import PROTOCOLS
from tests.support import needs
from tests.support.variants import variants

FEW: Final = 20  # states of each protocol in the suite; the slow test tries all
_ROWS: Final = {"hand-edit": (31,), "intake": (24,), "ledger": (38,), "salvage": (9, 31)}
EACH: Final = [
    pytest.param(name, marks=pytest.mark.row(3, *_ROWS.get(name, ())), id=name)
    for name in PROTOCOLS
]


@pytest.mark.parametrize("protocol", variants(EACH, 4))
def test_a_power_cut_loses_nothing(protocol: str) -> None:
    result = prove(protocol, at_most=FEW)
    assert result.states >= 5
    assert result.bad == []


@pytest.mark.row(3)
def test_the_first_memory_and_setting_of_all_outlast_a_power_cut() -> None:
    result = prove("add")
    assert result.states > FEW
    assert result.bad == prove("settings").bad == []


@pytest.mark.slow
@pytest.mark.timeout(3 * 3600)  # the DLQ file's protocol has 63,000 states: an hour and a half
@pytest.mark.parametrize("protocol", EACH)
def test_no_state_that_a_power_cut_may_leave_loses_anything(protocol: str) -> None:
    assert prove(protocol).bad == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("bug", "protocol"),
    variants(
        [("no-folder-sync", "add"), ("no-file-sync", "add"), ("files-before-ledger", "intake")], 2
    ),
)
@pytest.mark.row(3)
def test_a_planted_bug_is_found(bug: str, protocol: str) -> None:
    assert prove(protocol, bug=bug, at_most=100).bad


OLD, NEW = b"old", b"the new bytes"


def left(*operations: Operation) -> list[Tree]:
    """Give every tree that a cut after these operations may leave of a disk with one file, `f`."""
    disk = Disk({"f": 1}, {1: OLD})
    for operation in operations:
        disk.do(operation)
    return [each.tree for each in disk.left()]


def test_what_is_synced_is_there_and_nothing_else_is_possible() -> None:
    replaced: list[Operation] = [Name(2, "t"), Write(2, 0, NEW), SyncFile(2, 2), Name(2, "f", "t")]
    assert left(*replaced, SyncFolder(".", 4)) == [{"f": NEW}]


def test_a_rename_may_come_before_the_bytes() -> None:
    found = [tree["f"] for tree in left(Name(2, "t"), Write(2, 0, NEW), Name(2, "f", "t"))]
    assert {OLD, NEW, b"", bytes(len(NEW)), NEW[: len(NEW) // 2]} <= set(found)


def test_a_rename_may_be_lost_without_an_fsync_of_the_folder() -> None:
    trees = left(Name(2, "t"), Write(2, 0, NEW), SyncFile(2, 2), Name(2, "f", "t"))
    assert all(tree in trees for tree in ({"f": OLD}, {"f": NEW}, {"f": OLD, "t": NEW}))
    assert len(trees) == 4


def test_writes_may_reach_the_disk_in_any_order() -> None:
    found = [tree["f"] for tree in left(Write(1, 0, b"O"), Write(1, 3, b"er"))]
    assert {b"Older", b"Old", b"older", b"old\0\0", OLD} <= set(found)
    assert {tree["f"] for tree in left(Resize(1, 0))} == {OLD, b""}


def test_a_write_is_torn_at_any_block() -> None:
    data = bytes([1]) * 4096 + bytes([2]) * 4096
    found = [tree["f"] for tree in left(Write(1, 0, data))]
    assert data[:4096] in found
    assert OLD.ljust(4096, b"\0") + data[4096:] in found


def test_an_fsync_covers_what_was_done_before_it_began() -> None:
    found = [tree["f"] for tree in left(Write(1, 0, b"O"), Write(1, 1, b"L"), SyncFile(1, 1))]
    assert set(found) >= {b"OLd", b"Old"}
    assert OLD not in found


@pytest.mark.slow
@pytest.mark.row(3)
@pytest.mark.timeout(600)
@needs.root("power cuts need loop devices and mounts")
@needs.program("mkfs.ext4")
@needs.program("mkfs.btrfs")
@pytest.mark.parametrize("options", ["", "commit=1,noauto_da_alloc"], ids=["default", "harsh"])
def test_ext4_cut_at_any_moment_loses_nothing(options: str) -> None:
    cuts, bad = power_cuts.prove(options, seconds=5)
    assert len(cuts) >= 20
    assert cuts[-1].promises.accepted
    assert bad == []
