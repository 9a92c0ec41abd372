"""What holds for the whole suite."""

import gc
import signal
import sys
import zlib
from collections.abc import Iterator

import pytest
import watchdog.observers  # noqa: F401  (it asks once for the system, which a test may pretend)
from hypothesis import HealthCheck, settings

from tests.support import folders

# How long an example takes says how busy the machine is, and nothing about the program.
settings.register_profile("mem0tray", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mem0tray")

# A shell that starts the suite in the background has Ctrl-C ignored, nohup the end of its terminal,
# and programs inherit that: those that the tests end so would not notice.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mix the files: where several run tests at a time, some compute while others wait."""
    items.sort(key=lambda item: zlib.crc32(item.path.stem.encode()))


def pytest_collection_finish() -> None:
    """Take the thousands of tests out of what the collector looks through again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def folders_of_the_suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the settings and data of whoever runs the suite, or of an earlier run, out of it."""
    places = folders.below(tmp_path_factory.mktemp("home"))
    with pytest.MonkeyPatch.context() as patch:
        for name in places.keys() - {"HOME", "USERPROFILE"}:
            patch.setenv(name, places[name])
        yield
