"""An engine for tests: no thread, no server, stand-ins for its parts, and a real ledger."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from unittest import mock

import pytest

from mem0tray.config.settings import Settings
from mem0tray.core.errors import LedgerError
from mem0tray.core.events import Event
from mem0tray.core.reasons import NONE
from mem0tray.files.publish_rate import PublishRate
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.dlq.hand_edits import HandEdits
from mem0tray.worker.dlq.publish import DlqPublisher
from mem0tray.worker.engine import CycleStage, Engine
from mem0tray.worker.faults import Faults
from mem0tray.worker.folders.served_folder import ServedFolder
from mem0tray.worker.folders.settings import WantedSettings
from mem0tray.worker.metrics import MetricsWriter, OtherWorker
from mem0tray.worker.orders import OrderHandler
from mem0tray.worker.parts import Parts
from mem0tray.worker.queue.emergency import EmergencyIntake
from mem0tray.worker.queue.intake import QueueIntake
from mem0tray.worker.queue.notes import NoteIntake
from mem0tray.worker.queue.publish import QueuePublisher
from mem0tray.worker.sending.chosen_server import ChosenServer, Prober
from mem0tray.worker.sending.delivery import Delivery
from tests.worker.dlq.generations import shown
from tests.worker.ground import grounded, told_on

Told = TypeVar("Told", bound=Event)
NOW = 1_800_000_000.0
MOMENT = 5_000.0


class Scene(NamedTuple):
    """An engine and what stands around it; `calls` has the calls of all stand-ins in order."""

    engine: Engine
    parts: Any
    wanted: Any
    context: WorkerContext
    calls: mock.Mock
    told: list[Event]

    def cycle(self, after: float = 0.0) -> list[str]:
        """One cycle so many seconds after the start; the calls that it made."""
        self.calls.reset_mock()
        self.engine.cycle(NOW + after, MOMENT + after)
        return [call[0] for call in self.calls.mock_calls]

    def stage(self, name: str) -> CycleStage:
        return next(each for each in self.engine.stages if each.name == name)

    def told_of(self, kind: type[Told]) -> list[Told]:
        return [event for event in self.told if isinstance(event, kind)]

    def patience(self, after: float = 0.0) -> float:
        return self.engine.patience(NOW + after, MOMENT + after)


def stand_in(kind: type, **attributes: object) -> Any:
    """An instance that does nothing; what instances of the class hold is given."""
    made = mock.NonCallableMock(spec=kind)  # an autospec would take half of the time
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


@contextmanager
def staged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(time, "time", lambda: NOW)
    monkeypatch.setattr(time, "monotonic", lambda: MOMENT)
    with suppress(LedgerError), grounded(tmp_path, server="") as context:
        told = told_on(context)
        context.ledger.rebuilt = ""  # it is new here all the time
        context.faults = Faults(context.events, lambda *_: None, clock=lambda: MOMENT)
        queue = stand_in(QueueIntake, torn=False, awaited=False, lost=False, signature=None)
        queue.run.return_value = 0
        edits = stand_in(HandEdits, torn=False, awaited=False, signature=None)
        dlq = stand_in(DlqPublisher, needed=False, pace=PublishRate())
        delivery = stand_in(Delivery, under_way=0)
        delivery.next_due.side_effect = context.outbox.next_due
        prober = stand_in(Prober)
        notes = stand_in(NoteIntake, awaited=False)
        metrics = stand_in(MetricsWriter)
        metrics.wait.return_value = math.inf
        parts = Parts.__new__(Parts)
        vars(parts).update(
            context=context,
            emergencies=stand_in(EmergencyIntake),
            notes=notes,
            queue=queue,
            edits=edits,
            dlq_publisher=dlq,
            queue_publisher=stand_in(QueuePublisher, needed=False, show_again_at=math.inf),
            orders=OrderHandler(context, prober.kick),
            other=stand_in(OtherWorker),
            metrics=metrics,
            chosen_server=stand_in(ChosenServer, delivery=delivery, prober=prober),
        )
        calls = mock.Mock()
        publishers = ("dlq_publisher", "queue_publisher")
        for name in ("emergencies", "queue", "edits", *publishers, "other", "metrics"):
            calls.attach_mock(getattr(parts, name), name)
        calls.attach_mock(prober, "prober")
        calls.attach_mock(delivery, "delivery")
        chosen: Any = parts.chosen_server
        calls.attach_mock(chosen.freshen, "freshen")
        where = stand_in(ServedFolder, moves=False, paths=context.paths)
        wanted = stand_in(WantedSettings, where=where, settings=Settings(), wrong=NONE, torn=False)
        wanted.look.return_value = None
        yield Scene(Engine(parts, wanted, watches=False), parts, wanted, context, calls, told)


def waits_until(scene: Scene, due: float) -> int:
    letter = shown("soon")
    with scene.context.ledger.transaction():
        key = scene.context.inbox.add_dead(letter, letter.raw, NOW, ask=False, gen=None)
        scene.context.outbox.defer(key, due)
    return key
