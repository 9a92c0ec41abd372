"""What is known of another worker."""

import pytest

from mem0tray.core.state import WorkerSeen


@pytest.mark.parametrize(
    ("pid", "host", "space", "found"),
    [(7, "here", "pid:[1]", (7, "here", "pid:[1]")), ("7", 5, [], (None, None, None))],
)
def test_another_worker_is_known_by_its_metrics_as_far_as_they_make_sense(
    pid: object, host: object, space: object, found: tuple[int | None, str | None, str | None]
) -> None:
    metrics = {"pid": pid, "host": host, "space": space, "dlq_size": 3}
    seen = WorkerSeen.of(metrics, 5.0)
    assert (seen.pid, seen.host, seen.space) == found
    assert (seen.first, seen.last) == (5.0, 5.0)
