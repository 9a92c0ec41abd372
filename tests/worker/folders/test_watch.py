"""What wakes the worker: changes of its files by others, and folders that are replaced."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from mem0tray.files import atomic
from mem0tray.files.temporary import Temporary
from mem0tray.system.paths import Paths
from mem0tray.system.threads import WakeUp
from mem0tray.worker.folders import watch
from mem0tray.worker.folders.watch import Target, Watch
from tests.support import needs
from tests.support.processes import PATIENCE

MOMENT = 0.2  # in which nothing is to come
FILE = "mem0_queue.json"


class Watching(NamedTuple):
    """A watch on a folder that is named `folder`, and on settings beside it."""

    paths: Paths
    folder: Path
    config: Path
    wake: WakeUp
    watch: Watch

    def woken(self, within: float = PATIENCE) -> bool:
        return self.wake.wait(within)

    def quiet(self) -> bool:
        return not self.woken(MOMENT)

    def go_on(self) -> None:
        """Do what a worker does when it is woken, until nothing wakes it any more."""
        self.watch.check()
        while self.woken(MOMENT):
            self.watch.check()


@contextmanager
def watching(tmp_path: Path, *, unchanged: bool = True) -> Iterator[Watching]:
    """Watch a folder as the worker does; what has come by its making is read."""
    folder, config = tmp_path / "claude", tmp_path / "config" / "config.toml"
    paths = Paths(folder, tmp_path / "data").by_real_path()
    for made in (paths.claude_dir, paths.orders, config.parent):
        made.mkdir(parents=True, exist_ok=True)
    with WakeUp() as wake:
        watched = Watch(paths, config, lambda: unchanged, wake.set)
        seen = Watching(paths, folder, config, wake, watched)
        seen.go_on()
        try:
            yield seen
        finally:
            watched.stop()


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.write_text("in place"),
        lambda file: atomic.replace(file, b"by a rename"),
        lambda file: file.with_name("copy").replace(file),
        lambda file: file.unlink(),
        lambda file: file.with_name("mem0_emergency.json").write_text("new"),
        lambda file: (file.parents[1] / "outside").replace(file),
        lambda file: file.with_name("mem0_link").hardlink_to(file),
        pytest.param(lambda file: file.with_name("mem0_link").symlink_to(file), marks=needs.LINKS),
    ],
    ids=["in place", "replaced", "renamed", "removed", "made", "moved in", "linked", "by name"],
)
def test_a_change_by_others_wakes(tmp_path: Path, change: Callable[[Path], object]) -> None:
    file = tmp_path / "claude" / FILE
    file.parent.mkdir()
    for each in (file, file.with_name("copy"), tmp_path / "outside"):
        each.write_text("before")
    with watching(tmp_path) as seen:
        change(file)
        assert seen.woken()


def test_a_line_of_a_writer_that_keeps_its_file_open_wakes(tmp_path: Path) -> None:
    (tmp_path / "claude").mkdir()
    with (tmp_path / "claude" / FILE).open("a") as file, watching(tmp_path) as seen:
        file.write("a line\n")
        file.flush()
        assert seen.woken()


@pytest.mark.parametrize("ours", [True, False])
def test_our_own_metrics_wake_nobody_and_those_of_another_worker_do(
    tmp_path: Path, *, ours: bool
) -> None:
    with watching(tmp_path, unchanged=ours) as seen:
        for number in range(20):
            atomic.replace(seen.paths.metrics, b"%d" % number)
        assert seen.quiet() if ours else seen.woken()


def test_a_file_that_is_about_to_take_the_place_of_another_wakes_nobody(tmp_path: Path) -> None:
    """Or one that cannot be replaced would be tried again without end, for our own trying."""
    with watching(tmp_path) as seen:
        with pytest.raises(ZeroDivisionError), Temporary(seen.folder / FILE) as new:
            new.fd / 0
        assert seen.quiet()


def make_anew(folder: Path) -> None:
    folder.rename(folder.with_name("away"))
    folder.mkdir()


def remove_and_make_anew(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


# One that is made after a removal may have the same inode.
@pytest.mark.parametrize(
    "replace", [make_anew, pytest.param(remove_and_make_anew, marks=needs.OPEN_FILES)]
)
def test_after_a_look_the_folder_that_was_made_anew_is_watched(
    tmp_path: Path, replace: Callable[[Path], None]
) -> None:
    with watching(tmp_path) as seen:
        replace(seen.folder)
        seen.go_on()
        (seen.folder / FILE).write_text("new")
        assert seen.woken()


@needs.linux("elsewhere a look finds it")
def test_the_end_of_the_folder_wakes(tmp_path: Path) -> None:
    with watching(tmp_path) as seen:
        shutil.rmtree(seen.folder)
        assert seen.woken()


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths((tmp_path / "claude").resolve(), tmp_path.resolve() / "data")
    for folder in (found.claude_dir, found.orders, tmp_path / "config"):
        folder.mkdir(parents=True)
    return found


def target(folder: Path, *words: str) -> Target:
    status = folder.stat()
    return Target(folder, words, (status.st_dev, status.st_ino))


def found(paths: Paths) -> tuple[Target, ...]:
    return watch.targets(paths, paths.claude_dir.parent / "config" / "config.toml")


def test_three_folders_are_watched_each_for_its_names(paths: Paths) -> None:
    config = paths.claude_dir.parent / "config"
    assert found(paths) == (
        target(paths.claude_dir, "mem0_", "logs"),
        target(paths.orders, ""),
        target(config, "config.toml"),
    )
    paths.orders.rmdir()
    assert len(found(paths)) == 2


@needs.LINKS
def test_links_are_watched_where_they_lead_each_folder_once(paths: Paths) -> None:
    there = paths.claude_dir.parent / "disk"
    there.mkdir()
    paths.queue.symlink_to(there / "one")
    paths.dlq.symlink_to(there / "two")
    paths.emergency.symlink_to(paths.claude_dir / "odd")
    assert found(paths)[0].words == ("mem0_", "logs", "odd")
    assert found(paths)[3:] == (target(there, "one", "two"),)
