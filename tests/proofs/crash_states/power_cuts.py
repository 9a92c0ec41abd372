"""Power cuts on a real file system: an ext4 disk copied at many moments while the program works.

The disk is an image in a btrfs file system, on loop devices, so that a copy of it (a
reflink) takes no time and shows one moment: what ext4 had given to the device, and not
what still was in memory. Each copy is mounted, which replays its journal, and the program
is started on it. Who acknowledged what is noted outside.
"""

import random
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from tests.proofs.crash_states import proof
from tests.proofs.crash_states.take import Promises, Told, Word
from tests.support.forked import ForkedHome
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.standin import Standin

_STORE: Final = "4G"  # sparse; what is written is a few hundred megabytes
_DISK: Final = "64M"
_SHIFT: Final = 6  # memories from one coming or going of the worker to the next
_LONGEST_PAUSE: Final = 0.1  # seconds between two cuts
_REFUSED: Final = "refused"  # the project whose memories the server answers with 500


def _call(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def _mounted(image: Path, folder: Path, options: str) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    _call("mount", "-o", ",".join(filter(None, ["loop", options])), image, folder)
    try:
        yield
    finally:
        _call("umount", folder)


@dataclass
class _Outside:
    """What was promised so far, kept where no power is cut."""

    promises: Promises = field(default_factory=Promises)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, word: Word, text: str) -> None:
        with self.guard:
            self.promises = self.promises.after(Told(word, text))


def _work(home: Home, outside: _Outside, end: float) -> None:
    """Add, deliver, fail and delete until monotonic time `end`; the worker is killed at times."""
    worker = None
    number = 0
    while time.monotonic() < end:
        if number % _SHIFT == 0:
            if worker is None:
                worker = home.start("run")
            else:
                worker.kill()
                worker = None
        text = f"memory {number}"
        outside.tell(Word.OFFERED, text)
        home.ok("add", "--project", _REFUSED if number % 3 == 2 else "taken", text)
        outside.tell(Word.ACCEPTED, text)
        if number % 5 == 4:
            for item in home.dlq_items()[:1]:
                outside.tell(Word.DELETING, item["content"])
                home.ok("delete", "--yes", item["id"])
                outside.tell(Word.DELETED, item["content"])
        number += 1


@dataclass(frozen=True, slots=True)
class _Cut:
    """A copy of the disk, taken at a moment, and what had been promised by then."""

    image: Path
    at: float
    promises: Promises


def prove(options: str, seconds: float) -> tuple[list[_Cut], list[str]]:
    """Let the program work for `seconds` and cut the power all the time; the cuts, and bad ones."""
    bad = []
    with ExitStack() as stack:
        scratch = stack.enter_context(proof.scratch())
        server = stack.enter_context(Standin())
        store = scratch / "store"
        image, disk = scratch / "store.img", store / "disk.img"
        _call("truncate", "-s", _STORE, image)
        _call("mkfs.btrfs", "-q", image)
        stack.enter_context(_mounted(image, store, ""))
        _call("truncate", "-s", _DISK, disk)
        _call("mkfs.ext4", "-q", disk)
        where = scratch / "disk"
        with _mounted(disk, where, options):
            cuts = _cut_while_working(ForkedHome(where / "home", server.url), server, seconds)
        server.clear_scripts()
        for cut in cuts:
            home = ForkedHome(where / "home", server.url)
            with _mounted(cut.image, where, options), proof.rebooted(home):
                if faults := proof.recover(home, server, cut.promises):
                    bad.append(f"after {cut.at:.3f} s: {'; '.join(faults)}")
            cut.image.unlink()
    return cuts, bad


def _cut_while_working(home: Home, server: Standin, seconds: float) -> list[_Cut]:
    outside = _Outside()
    server.script(Answer(500), project=_REFUSED, forever=True)
    cuts: list[_Cut] = []
    done = threading.Event()
    store = home.root.parents[1] / "store"
    cutter = threading.Thread(target=_cut, args=(store, server, outside, done, cuts))
    with home:
        cutter.start()
        try:
            _work(home, outside, time.monotonic() + seconds)
        finally:
            done.set()
            cutter.join()
    return cuts


def _cut(
    store: Path, server: Standin, outside: _Outside, done: threading.Event, cuts: list[_Cut]
) -> None:
    """Copy the disk again and again, while nothing is promised and nothing reaches the server."""
    chance = random.Random(0)  # noqa: S311  (moments, no secrets)
    began = time.monotonic()
    while not done.wait(chance.uniform(0, _LONGEST_PAUSE)):
        image = store / f"cut-{len(cuts)}.img"
        with outside.guard, server.held() as stored:
            _call("cp", "--reflink=always", store / "disk.img", image)
            held = replace(outside.promises, stored=frozenset(stored))
            cuts.append(_Cut(image, time.monotonic() - began, held))
