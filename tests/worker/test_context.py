"""The stages' shared ground: what is quarantined and told."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray.core import events
from mem0tray.files import atomic
from tests.worker.queue.scene import QueueScene, opened


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[QueueScene]:
    with opened(tmp_path, monkeypatch) as made:
        yield made


def test_items_that_cannot_be_loaded_are_kept_and_told_once(ground: QueueScene) -> None:
    context, source = ground.context, ground.context.paths.queue
    context.quarantine_items(source, [])
    assert not context.paths.quarantine.exists()
    context.quarantine_items(source, [b"one"])
    context.quarantine_items(source, [b"one", b"two"])
    assert ground.kept() == [b"one", b"two"]
    names = {path.name for path in context.paths.quarantine.iterdir()}
    assert {
        event.kept_as for event in ground.told if isinstance(event, events.Quarantined)
    } == names
    assert [event.file for event in ground.told] == ["mem0_queue.json"] * 2  # type: ignore[attr-defined]
    assert all(re.fullmatch(r"mem0_queue-\d{8}T\d{6}-[0-9a-f]{12}\.json", name) for name in names)


def test_a_broken_file_is_kept_whole_and_told_once_a_save(ground: QueueScene) -> None:
    context, source = ground.context, ground.context.paths.queue
    source.write_bytes(b"{odd")
    signature = atomic.signature(source)
    assert signature is not None
    for _ in range(2):
        context.quarantine_file(source, b"{odd", signature, "why")
    (name,) = (path.name for path in context.paths.quarantine.iterdir())
    assert ground.told == [events.FileBroken("mem0_queue.json", "why", name)]
    source.write_bytes(b"{odder")
    signature = atomic.signature(source)
    assert signature is not None
    context.quarantine_file(source, b"{odder", signature, "why")
    context.quarantine_file(context.paths.dlq, b"{odder", signature, "why")
    another = (
        (set(context.paths.quarantine.iterdir()) - {context.paths.quarantine / name}).pop().name
    )
    assert ground.told[1:] == [
        events.FileBroken("mem0_queue.json", "why", another),
        events.FileBroken("mem0_queue_dlq.json", "why", another),
    ]


@pytest.mark.parametrize("data", [b"", b"\0\0", b" \r\n\t", b"\0 \n"])
def test_of_an_empty_file_nothing_is_kept(ground: QueueScene, data: bytes) -> None:
    source = ground.context.paths.queue
    source.write_bytes(data)
    signature = atomic.signature(source)
    assert signature is not None
    ground.context.quarantine_file(source, data, signature, "why")
    assert ground.told == [events.FileBroken("mem0_queue.json", "why", "")]
    assert ground.kept() == []
