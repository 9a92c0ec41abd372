"""The watch of macOS and Windows at its end."""

from unittest import mock

import pytest

from mem0tray.worker.folders.observer import ObserverWatch


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
