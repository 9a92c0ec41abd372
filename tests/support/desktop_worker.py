"""The worker as the tray starts it, without an icon; it says on stdout what it is asked to show."""

import signal

from mem0tray.core import events
from mem0tray.core.events import Event, Events
from mem0tray.desktop import app
from mem0tray.worker.folders.settings import SettingsFile
from mem0tray.worker.thread import WorkerThread


def _tell(event: Event) -> None:
    if isinstance(event, events.StatusWanted | events.SettingsChanged):
        print(type(event).__name__, flush=True)  # noqa: T201  (what the test reads)


def main() -> None:
    settings, wrong = app._settings()
    bus = Events()
    bus.subscribe(_tell)
    worker = WorkerThread(settings, bus, SettingsFile().changed, wrong)
    signal.signal(signal.SIGTERM, lambda *_: worker.stop())
    worker.start()
    worker.join()


if __name__ == "__main__":
    main()
