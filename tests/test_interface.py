"""`mem0tray.add`, for programs in Python."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import mem0tray
from tests.support import needs
from tests.support.fixtures import home, server
from tests.support.home import Home, import_path
from tests.support.standin import Standin

__all__ = ["home", "server"]


@pytest.fixture
def in_home(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name, value in home.env.items():
        monkeypatch.setenv(name, value)
    return home


def test_a_memory_is_queued_and_delivered(in_home: Home, server: Standin) -> None:
    identity = mem0tray.add("garden", "Roses want sun\n")
    (entry,) = in_home.queue_items()
    assert [entry[name] for name in ("id", "project_id", "content")] == [
        identity, "garden", "Roses want sun\n",
    ]  # fmt: skip
    in_home.drained()
    assert server.count("Roses want sun\n") == 1


def test_many_threads_add_at_once(in_home: Home) -> None:
    texts = [f"memory {number}" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda text: mem0tray.add("garden", text), texts))
    lines = in_home.emergency.read_text("utf-8") if in_home.emergency.exists() else ""
    there = [*in_home.queue_items(), *map(json.loads, lines.splitlines())]
    assert sorted(each["id"] for each in there) == sorted(names)
    assert sorted(each["content"] for each in there) == sorted(texts)


def test_a_lock_that_others_hold_keeps_no_memory_out(in_home: Home) -> None:
    in_home.lock_holder()
    identity = mem0tray.add("garden", "urgent")
    assert json.loads(in_home.emergency.read_text("utf-8"))["id"] == identity


@pytest.mark.parametrize(
    ("project", "text", "error"),
    [
        ("", "x", ValueError), (" ", "x", ValueError), ("garden", "\n", ValueError),
        (None, "x", TypeError), ("garden", b"x", TypeError),
    ],
)  # fmt: skip
def test_what_is_no_memory_is_refused(
    in_home: Home, project: str, text: str, error: type[Exception]
) -> None:
    said = "a project and a text" if error is ValueError else "must be a str"
    with pytest.raises(error, match=said):
        mem0tray.add(project, text)
    assert not in_home.queue.exists()
    assert not in_home.emergency.exists()


@needs.FULL_DEVICE
def test_what_cannot_be_written_raises(in_home: Home) -> None:
    in_home.queue.symlink_to("/dev/full")
    in_home.emergency.symlink_to("/dev/full")
    with pytest.raises(mem0tray.Mem0TrayError, match="Nothing was queued") as caught:
        mem0tray.add("garden", "x")
    assert caught.value.remedy


def test_wrong_settings_lose_no_memory(
    in_home: Home, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEM0TRAY_SYNC_TIMEOUT", "soon")
    identity = mem0tray.add("garden", "x")
    assert [each["id"] for each in in_home.queue_items()] == [identity]
    (record,) = caplog.records
    assert record.name == "mem0tray"
    assert "sync.timeout" in record.message
    assert str(in_home.claude) in record.message


def test_an_import_is_cheap() -> None:
    source = (
        "import sys; before = set(sys.modules); import mem0tray; "
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", source],
        env={"PYTHONPATH": str(Path(mem0tray.__file__).parents[1]), **import_path()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["mem0tray", "mem0tray.core", "mem0tray.core.version"]
