"""The watch of macOS and Windows at its end."""

from pathlib import Path
from unittest import mock

import pytest
from watchdog import observers

from mem0tray.worker.folders.watch import Identity, ObserverWatch, Target


@pytest.mark.parametrize("fault", [None, RuntimeError("not started")])
def test_its_threads_are_waited_for_a_second_at_most(fault: Exception | None) -> None:
    """Whatever becomes of them; a second end has nothing to do."""
    watch = ObserverWatch(lambda: (), lambda _: False, lambda: None)
    watch.stop()
    observer = watch._observer = mock.Mock()
    observer.stop.side_effect = fault
    for _ in range(2):
        watch.stop()
    observer.stop.assert_called_once_with()
    assert observer.join.call_args_list == ([mock.call(1.0)] if fault is None else [])
    assert watch.fileno() is None
    assert not watch.has_news()


def test_it_reports_what_it_watches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stage of the notes reads a folder once it is watched, and again when it changes."""
    monkeypatch.setattr(observers, "Observer", observer := mock.Mock())
    told: list[Path | None] = []
    target = Target(tmp_path, (".md",), Identity(1, 1, 0.0))
    watch = ObserverWatch(
        lambda: (target,), lambda name: name == "ours.md", lambda: told.append(None), told.append
    )
    watch.check()
    assert told == [tmp_path, None]
    handler = observer.return_value.schedule.call_args.args[0]
    for name in ("other.txt", "ours.md", "note.md"):
        handler.on_any_event(mock.Mock(src_path=str(tmp_path / name), dest_path=""))
    assert told == [tmp_path, None] * 2
    watch.stop()


def test_what_it_began_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An observer goes when others targets are there, the last one at the end."""
    made = [mock.Mock(), mock.Mock()]
    monkeypatch.setattr(observers, "Observer", mock.Mock(side_effect=made))
    wanted: list[Target] = []
    watch = ObserverWatch(lambda: tuple(wanted), lambda _: False, lambda: None)
    for name in ("a", "b"):
        wanted.append(Target(tmp_path / name, ("",), Identity(1, 1, 0.0)))
        watch.check()
    watch.stop()
    for observer in made:
        assert [call for call, *_ in observer.method_calls if call != "schedule"] == [
            "start", "stop", "join",
        ]  # fmt: skip
    assert [observer.schedule.call_count for observer in made] == [1, 2]
