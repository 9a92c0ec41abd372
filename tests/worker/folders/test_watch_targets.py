"""What is to be watched, for each way in which folders and files may stand there."""

from pathlib import Path

import pytest

from mem0tray.system.paths import Paths
from mem0tray.worker.folders.watch import Identity, Target, is_ours, targets
from tests.support import needs

pytestmark = needs.LINKS


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """Have the folders that are watched."""
    found = Paths((tmp_path / "claude").resolve(), tmp_path.resolve() / "data")
    found.claude_dir.mkdir()
    found.orders.mkdir(parents=True)
    (tmp_path / "config").mkdir()
    return found


def found(paths: Paths, name: Path | None = None) -> tuple[Target, ...]:
    """The targets; `name` is the folder as the settings name it."""
    config = paths.claude_dir.parent / "config" / "config.toml"
    return targets(paths, name or paths.claude_dir, config)


def identity(folder: Path) -> Identity:
    """What tells a folder from another one."""
    status = folder.stat()
    return Identity(status.st_dev, status.st_ino, 0.0)


def test_three_folders_are_watched_each_for_its_names(paths: Paths) -> None:
    """Shared files and the folder of the log, every order, the settings file."""
    config = paths.claude_dir.parent / "config"
    assert found(paths) == (
        Target(paths.claude_dir, ("mem0_", "logs"), identity(paths.claude_dir)),
        Target(paths.orders, ("",), identity(paths.orders)),
        Target(config, ("config.toml",), identity(config)),
    )
    assert not any(each.is_link or each.is_way for each in found(paths))


def test_a_folder_that_is_missing_is_awaited_in_the_nearest_one(paths: Paths) -> None:
    """By the name of the first that is to appear."""
    paths.orders.rmdir()
    paths.orders.parent.rmdir()
    awaited = found(paths)[1]
    above = paths.orders.parent.parent
    if not above.exists():
        above = above.parent
    words = (paths.orders.relative_to(above).parts[0],)
    assert awaited == Target(above, words, identity(above), is_way=True)


@pytest.mark.parametrize("name", ["queue", "dlq", "emergency"])
def test_a_file_that_is_a_link_is_watched_where_it_leads(paths: Paths, name: str) -> None:
    """By its name there."""
    there = paths.claude_dir.parent / "disk"
    there.mkdir()
    getattr(paths, name).symlink_to(there / "file")
    assert found(paths)[3:] == (Target(there, ("file",), identity(there)),)


def test_two_links_into_one_folder_make_one_target(paths: Paths) -> None:
    """With both names; a folder that is watched already gets a further one."""
    there = paths.claude_dir.parent / "disk"
    there.mkdir()
    paths.queue.symlink_to(there / "one")
    paths.dlq.symlink_to(there / "two")
    paths.emergency.symlink_to(paths.claude_dir / "odd")
    targets_now = found(paths)
    assert targets_now[0].words == ("mem0_", "logs", "odd")
    assert [each.words for each in targets_now[3:]] == [("one", "two")]


def test_each_link_by_which_the_folder_is_named_is_watched(paths: Paths) -> None:
    """One after the other, also where it is named beside itself."""
    first, second = (paths.claude_dir.with_name(each) for each in ("first", "second"))
    second.symlink_to(paths.claude_dir)
    first.symlink_to("second")
    links = found(paths, first)[3:]
    assert [(each.path, each.words, each.is_link) for each in links] == [
        (first, (), True),
        (second, (), True),
    ]
    status = first.lstat()
    assert links[0].identity[:2] == (status.st_dev, status.st_ino)


def test_links_in_a_circle_come_to_an_end(paths: Paths) -> None:
    """As many are followed as the kernel follows."""
    one, other = (paths.claude_dir.with_name(each) for each in ("one", "other"))
    one.symlink_to(other)
    other.symlink_to(one)
    assert len(found(paths, one)[3:]) == 40


@pytest.mark.parametrize("unchanged", [True, False])
def test_our_own_names_wake_nobody(paths: Paths, *, unchanged: bool) -> None:
    """Temporary files never, the metrics as long as they are ours."""
    ignored = is_ours(paths, unchanged=lambda: unchanged)
    assert ignored(".mem0_queue.json.mem0tray-1234.tmp")
    assert not ignored("mem0_queue.json.mem0tray-1234.tmp")
    assert not ignored("mem0_queue.json")
    assert ignored("mem0_metrics.json") == unchanged
