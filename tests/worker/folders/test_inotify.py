"""What is asked of inotify, and which disks it cannot tell of."""

import os
import sys
from pathlib import Path

import pytest

from mem0tray.worker.folders.watch import Identity, Target
from tests.support import needs

pytestmark = needs.linux("inotify is Linux's")

if sys.platform == "linux":
    from watchdog.observers.inotify_c import InotifyConstants

    from mem0tray.worker.folders import inotify

    ITSELF = (
        InotifyConstants.IN_DELETE_SELF,
        InotifyConstants.IN_MOVE_SELF,
        InotifyConstants.IN_ATTRIB,
        InotifyConstants.IN_MASK_ADD,
    )
    APPEARS = (InotifyConstants.IN_CREATE, InotifyConstants.IN_MOVED_TO)
    CHANGES = (
        InotifyConstants.IN_MODIFY,
        InotifyConstants.IN_CLOSE_WRITE,
        InotifyConstants.IN_MOVED_FROM,
        InotifyConstants.IN_DELETE,
    )


def target(*, is_link: bool = False, is_way: bool = False) -> Target:
    """A target somewhere."""
    return Target(Path("/a"), ("",), Identity(1, 2, 0.0), is_link=is_link, is_way=is_way)


def test_of_a_folder_all_is_asked_for_but_reading() -> None:
    """What changes in it, what appears, and what becomes of itself."""
    assert inotify._mask(target()) == sum((*ITSELF, *APPEARS, *CHANGES))


def test_of_the_way_to_a_folder_only_what_appears_is_asked_for() -> None:
    """Changes of other files there are nobody's business."""
    assert inotify._mask(target(is_way=True)) == sum((*ITSELF, *APPEARS))


def test_a_link_is_watched_itself() -> None:
    """And not what it leads to."""
    assert inotify._mask(target(is_link=True)) == sum((*ITSELF, InotifyConstants.IN_DONT_FOLLOW))


def mounted(folder: Path, monkeypatch: pytest.MonkeyPatch, *lines: str) -> set[int]:
    """The devices of shared disks where these lines tell of what is mounted."""
    path = folder / "mountinfo"
    path.write_text("".join(f"{line}\n" for line in lines))
    monkeypatch.setattr(inotify, "_MOUNTS", path)
    return inotify._shared_disks()


def test_disks_of_other_computers_are_known_by_their_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the word behind the dash; each by its device."""
    kinds = ("nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "virtiofs", "ceph", "afs", "gfs2", "ocfs2")
    lines = [
        f"3{n} 35 0:{40 + n} / /mnt/{n} rw shared:1 - {kind} there rw"
        for n, kind in enumerate(kinds)
    ]
    ours = ["20 35 8:1 / / rw - ext4 /dev/nfs rw", "21 35 8:2 / /cifs rw - xfs nfs rw"]
    found = mounted(tmp_path, monkeypatch, ours[0], *lines, ours[1])
    assert found == {os.makedev(0, 40 + n) for n in range(len(kinds))}


@pytest.mark.parametrize("odd", ["", "a - nfs", "20 35 8 / / - nfs there", "20 35 a:b / - nfs"])
def test_odd_lines_end_no_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
    """What was read before them counts."""
    before = "20 35 0:40 / /mnt rw - nfs there rw"
    assert mounted(tmp_path, monkeypatch, before, odd) == {os.makedev(0, 40)}


def test_where_nothing_is_told_no_disk_is_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file may not be there; where it is, it is the kernel's."""
    assert Path("/proc/self/mountinfo") == inotify._MOUNTS
    monkeypatch.setattr(inotify, "_MOUNTS", tmp_path / "none")
    assert inotify._shared_disks() == set()
