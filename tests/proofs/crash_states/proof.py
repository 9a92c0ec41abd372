"""A protocol recorded, cut at every moment, and recovered from each."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.proofs.crash_states import recovery
from tests.proofs.crash_states.protocols import PROTOCOLS
from tests.proofs.crash_states.take import Moment, Take
from tests.support.home import Home
from tests.support.standin import Standin


@dataclass(frozen=True, slots=True)
class Bad:
    """A state that the program did not recover from."""

    after: str
    left: str
    faults: Sequence[str]


@dataclass
class Result:
    """What became of one protocol; `rebuilt` counts the reasons for which a ledger was rebuilt."""

    protocol: str
    operations: int
    states: int = 0
    bad: list[Bad] = field(default_factory=list)
    rebuilt: Counter[str] = field(default_factory=Counter)


def prove(
    name: str,
    *,
    bug: str = "",
    at_most: int = 0,
    progress: Callable[[Result], None] = lambda _: None,
) -> Result:
    """Record protocol `name` and try its states, or `at_most` of them, evenly spread."""
    with (
        recovery.scratch() as scratch,
        Standin() as server,
        Home(scratch / "home", server.url) as home,
    ):
        take = Take(home, server, bug)
        PROTOCOLS[name](take)
        server.clear_scripts()
        result = Result(name, take.operations)
        with recovery.rebooted(home):
            for moment in take.moments(at_most):
                _try(home, server, moment, result)
                progress(result)
    return result


def _try(home: Home, server: Standin, moment: Moment, result: Result) -> None:
    recovery.build(home.root, moment.left.tree)
    outcome = recovery.recover(home, server, moment.promises)
    result.states += 1
    if outcome.rebuilt:
        result.rebuilt[outcome.rebuilt] += 1
    if outcome.faults:
        after = f"operation {moment.number} ({moment.event})"
        result.bad.append(Bad(after, moment.left.words, outcome.faults))
