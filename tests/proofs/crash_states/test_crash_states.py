"""Nothing is lost, whatever a power cut leaves of the files."""

from typing import Final

import pytest

from tests.proofs.crash_states.planted import PLANTED
from tests.proofs.crash_states.proof import prove
from tests.proofs.crash_states.protocols import PROTOCOLS
from tests.support.variants import variants

pytestmark = pytest.mark.row(3)

FEW: Final = 20  # states of each protocol in the suite; the command and the slow test try all
_ROWS: Final = {"hand-edit": (31,), "intake": (24,), "ledger": (38,), "salvage": (9, 31)}
_FIRST: Final = ("intake", "dlq", "hand-edit", "ledger")
EACH: Final = [
    pytest.param(name, marks=pytest.mark.row(*_ROWS[name])) if name in _ROWS else name
    for name in (*_FIRST, *(name for name in PROTOCOLS if name not in _FIRST))
]
FINDERS: Final = {
    "no-folder-sync": "add",
    "no-file-sync": "add",
    "files-before-ledger": "intake",
    "backup-unsynced": "delete-unseen",
}
_QUICK: Final = ("no-folder-sync", "no-file-sync")


@pytest.mark.parametrize("protocol", variants(EACH, len(_FIRST)))
def test_a_power_cut_loses_nothing(protocol: str) -> None:
    result = prove(protocol, at_most=FEW)
    assert result.states >= 5
    assert result.bad == []


def test_the_first_memory_of_all_outlasts_a_power_cut() -> None:
    result = prove("add")
    assert result.states > FEW
    assert result.bad == []


def test_the_first_setting_outlasts_a_power_cut() -> None:
    assert prove("settings").bad == []


@pytest.mark.slow
@pytest.mark.timeout(3600)  # the DLQ file's protocol has 8,900 states
@pytest.mark.parametrize("protocol", EACH)
def test_no_state_that_a_power_cut_may_leave_loses_anything(protocol: str) -> None:
    assert prove(protocol).bad == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "bug",
    [name if name in _QUICK else pytest.param(name, marks=pytest.mark.slow) for name in PLANTED],
)
def test_a_planted_bug_is_found(bug: str) -> None:
    assert prove(FINDERS[bug], bug=bug, at_most=100).bad
