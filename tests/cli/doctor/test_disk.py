"""`doctor` on the disk: folders, locks, files, space, each fault with the command that mends it."""

import os
import shutil
from types import SimpleNamespace

import pytest

from mem0tray.cli.doctor import disk
from mem0tray.core import reasons
from mem0tray.files import atomic, private_folders
from mem0tray.files.lock import FileLock
from tests.cli.scratch import Scratch, checks, found_at
from tests.support import needs


@pytest.mark.usefixtures("server")
def test_broken_files_are_named(home: Scratch) -> None:
    home.never_rests()
    home.claude.mkdir()
    home.queue.write_text('{"queue": [')
    home.paths.dlq.mkdir()
    private_folders.quarantine(home.paths.quarantine, home.queue, b"odd", 1.0)
    assert "broken" in found_at(home, "warn", "mem0_queue.json")
    assert "is a folder, not a file" in found_at(home, "fail", "mem0_queue_dlq.json")
    assert "What was whole in it" in checks(home, "quarantine")[0][1]
    home.queue.write_text('{"queue": []}')
    assert checks(home, "mem0_queue.json") == [("ok", "can be read and written. ")]


@pytest.mark.row(7)
@pytest.mark.usefixtures("server")
def test_what_is_ours_and_cannot_be_read_is_a_check_among_others(home: Scratch) -> None:
    home.paths.pause.mkdir(parents=True)
    home.paths.quarantine.touch()
    assert "pause.json is a folder, not a file." in found_at(home, "fail", "pause")
    assert "quarantine is no folder" in found_at(home, "warn", "quarantine")
    assert checks(home, "server")


@pytest.mark.usefixtures("server")
@needs.SHELL
def test_what_lies_on_the_disk_is_mended_by_a_command(home: Scratch) -> None:
    home.claude.symlink_to(home.root / "nowhere")
    assert f"`mv {home.claude} {home.claude}.away`" in checks(home, "claude folder")[0][1]
    home.claude.unlink()
    home.claude.write_text("")
    assert f"`mv {home.claude} {home.claude}.away`" in checks(home, "claude folder")[0][1]
    home.claude.unlink()
    home.claude.mkdir()
    home.patch.setattr(os, "access", lambda *_: False)
    assert f"`chmod u+rwX {home.claude}`" in checks(home, "claude folder")[0][1]
    home.patch.setattr(os, "getuid", lambda: 4242)
    assert f"{home.claude}`" in checks(home, "claude folder")[0][1]
    assert "`sudo chown " in checks(home, "claude folder")[0][1]
    home.patch.setattr(atomic, "is_read_only", lambda _: True)
    assert "The disk is read-only: mount it" in checks(home, "claude folder")[0][1]


@pytest.mark.usefixtures("server")
def test_what_follows_is_said_of_the_folder_that_cannot_be_used(home: Scratch) -> None:
    home.claude.mkdir()
    home.paths.data_dir.mkdir(parents=True)
    home.patch.setattr(private_folders, "why_unwritable", lambda _: reasons.quoted("no"))
    assert "cannot be taken out of its files" in checks(home, "claude folder")[0][1]
    assert "nothing is sent" in checks(home, "data folder")[0][1]


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("free", "level", "size", "end"),
    [
        (10**12, "ok", "1,000,000 MB are", ""),
        (10**8, "warn", "100 MB are", ""),
        (10**6, "warn", "1 MB are", "When none is left, deliveries wait."),
        (0, "fail", "0 MB are", "Deliveries wait."),
    ],
)
def test_disk_space(home: Scratch, free: int, level: str, size: str, end: str) -> None:
    usage = SimpleNamespace(free=free)
    home.patch.setattr(shutil, "disk_usage", lambda _: usage)
    text = found_at(home, level, "disk")
    assert text.startswith(size)
    assert end in text


@pytest.mark.usefixtures("server")
def test_a_lock_that_is_held_for_long(home: Scratch) -> None:
    home.patch.setattr(disk, "_PATIENCE", 0.05)
    home.claude.mkdir()
    lock = FileLock(home.paths.queue_lock)
    lock.acquire(1)
    ((level, text),) = checks(home, "queue lock")
    lock.release()
    assert level == "warn"
    assert "fuser" in text
    assert checks(home, "queue lock")[0][0] == "ok"


def test_an_order_that_cannot_be_read_is_named_without_a_worker(home: Scratch) -> None:
    path = home.paths.orders / "0.json"
    path.mkdir(parents=True)
    (found,) = checks(home, "orders")
    assert found[0] == "fail"
    assert found[1].startswith(str(path))
    assert f"`rm -r {path}` helps." in found[1]
