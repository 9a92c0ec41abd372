"""The prober's turns, without its thread: what is asked, with how much patience, what is told."""

from unittest import mock

import pytest

from mem0tray.core import reasons
from mem0tray.core.errors import LedgerError
from mem0tray.server.model import Health, KeyCheck, KeyVerdict
from mem0tray.worker.sending.chosen_server import REPORT_AGAIN, Prober

WELL = Health(healthy=True, reason=reasons.NONE)
ILL = Health(healthy=False, reason=reasons.quoted("down"))
KEY = KeyCheck(KeyVerdict.TAKEN)


class Probing:
    """A prober without its thread, its server and the client for it."""

    def __init__(self) -> None:
        self.client = mock.Mock()
        self.client.probe.return_value = WELL
        self.client.check_key.return_value = KEY
        self.server = mock.Mock(patience=4.0)
        self.server.probe_client.return_value = self.client
        self.server.asks_key.return_value = False
        self.prober = Prober(self.server)


@pytest.fixture
def probing() -> Probing:
    return Probing()


def test_any_other_fault_is_a_probe_that_failed(probing: Probing) -> None:
    probing.client.probe.side_effect = ValueError("x" * 300)
    (health, key) = probing.prober._probe()
    assert not health.healthy
    assert str(health.reason) == "the probe failed: " + ("ValueError('" + "x" * 300)[:180]
    assert key is None
    probing.client.close.assert_called_once_with()


def test_what_cannot_be_told_is_told_again(
    probing: Probing, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []
    monkeypatch.setattr(probing.prober._stopping, "wait", naps.append)
    tell = probing.server.probed
    tell.side_effect = [LedgerError("full"), LedgerError("full"), None]
    probing.prober._deliver(WELL, KEY)
    assert naps == [REPORT_AGAIN] * 2
    assert tell.call_args_list == [mock.call(WELL, KEY)] * 3


def test_a_probe_under_way_is_broken_off(probing: Probing) -> None:
    def probe(_: float) -> Health:
        probing.prober.stop(1.0)
        probing.client.abort.assert_called_once_with()
        return ILL

    probing.client.probe.side_effect = probe
    probing.prober._probe()
    probing.prober.stop(1.0)
    assert probing.client.abort.call_count == 1  # it is over


def test_it_probes_at_its_start_at_each_kick_and_when_that_is_due(
    probing: Probing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One kick is one probe; once a wait is over it sees whether a probe is due by now."""
    waits: list[tuple[float, bool]] = []
    prober = probing.prober
    due = iter([60.0, 60.0, 20.0, 0.0, 60.0, 60.0])

    def wait(seconds: float) -> bool:
        kicked = prober._signal.is_set()
        waits.append((seconds, kicked))
        if len(waits) == 5:
            prober.stop(0.0)
        return kicked

    def probe(_: float) -> Health:
        if len(waits) == 3:
            prober.kick()
        return WELL

    probing.client.probe.side_effect = probe
    probing.server.until_probe = lambda: next(due)
    monkeypatch.setattr(prober._signal, "wait", wait)
    monkeypatch.setattr(prober._thread, "start", prober._run)
    prober.start()
    assert waits == [(60.0, True), (60.0, False), (20.0, False), (60.0, True), (60.0, False)]
    assert probing.server.probed.call_args_list == [mock.call(WELL, None)] * 3
    assert prober._thread.name == "mem0tray-probe"
    assert prober._thread.daemon
