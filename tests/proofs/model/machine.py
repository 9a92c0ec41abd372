"""The rules by which Hypothesis writes histories."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mem0tray.files import orders
from tests.proofs.model import ending
from tests.proofs.model.actors import PROJECTS, Commands, Killed, Producers
from tests.proofs.model.user import Change, User
from tests.proofs.model.world import HASTY, World
from tests.support.http1 import Answer, page, retry_after
from tests.support.standin import NAMED

_DAY: Final = 86_400.0
_YEAR: Final = 365 * _DAY
ANSWERS: Final = {
    "well": Answer(),
    "500": Answer(500),
    "refused by name": Answer(200, {"success": False}),
    "400": Answer(400),
    "429": Answer(429),
    "429 for a while": retry_after(429, 5),
    "401": Answer(401),
    "403": Answer(403),
    "502": Answer(502),
    "a page": page(),
    "cut off": Answer(reset=True),
    "cut off after storing": Answer(reset=True, stores=True),
}
_HANGING: Final = 4  # requests in a history that are never answered: each takes real time
places = st.integers(0, 7)
parts = st.floats(0.0, 0.99)
changes = st.builds(
    Change,
    remove=st.frozensets(places, max_size=2),
    retry=st.frozensets(places, max_size=2),
    content=st.none() | places,
    count=st.none() | places,
    add=st.booleans(),
    stamp=st.booleans(),
)
copies = st.none() | places
projects = st.sampled_from(PROJECTS)


class Histories(RuleBasedStateMachine):
    """Producers, users, commands, the clock, the network, the server and kills, in any order."""

    ended = 0  # histories so far, and steps in them
    steps = 0

    @initialize(honours_keys=st.booleans(), can_be_asked=st.booleans())
    def begin(self, *, honours_keys: bool, can_be_asked: bool) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="mem0tray-history-"))
        self.world = World(
            self.root / "home", honours_keys=honours_keys, can_be_asked=can_be_asked
        ).__enter__()
        self.producers = Producers(self.world)
        self.user = User(self.world)
        self.commands = Commands(self.world)
        self.hanging = 0
        self.world.start()

    def teardown(self) -> None:
        """Mend everything: what was ever accepted must arrive."""
        if not hasattr(self, "world"):
            return
        try:
            if not self.world.wrong:
                self.producers.let_go()
                self.user.end_saving()
                ending.heal(self.world)
                ending.check(self.world)
            assert not self.world.wrong, self.world.wrong
        finally:
            Histories.ended += 1
            self.user.close()
            self.producers.close()
            self.world.__exit__()
            shutil.rmtree(self.root, ignore_errors=True)

    @invariant()
    def nothing_is_wrong(self) -> None:
        Histories.steps += 1
        if hasattr(self, "world"):
            assert not self.world.wrong, self.world.wrong

    # The worker --------------------------------------------------------------------

    @rule()
    def cycle(self) -> None:
        self.world.cycle()

    @rule()
    def work(self) -> None:
        self.world.work()

    @rule()
    def send(self) -> None:
        self.world.send()

    @rule(number=places)
    def record(self, number: int) -> None:
        self.world.record(number)

    @rule()
    def kill(self) -> None:
        self.world.kill()

    @rule(after=st.integers(0, 120), sends=st.booleans())
    def kill_within(self, after: int, *, sends: bool) -> None:
        self.world.points.arm(after, self.world.die)
        with self.world.killable():
            self.world.work() if sends else self.world.cycle()

    @rule(after=st.integers(0, 60))
    def kill_while_starting(self, after: int) -> None:
        self.world.stop()
        self.world.points.arm(after, self.world.die)
        with self.world.killable():
            self.world.start()
            self.world.cycle()

    @rule()
    def restart(self) -> None:
        self.world.stop()
        self.world.start()

    # Producers ---------------------------------------------------------------------

    @rule(project=projects, retries=st.sampled_from([0, 0, 0, 4, 5]), replace=st.booleans())
    def queue(self, project: str, retries: int, *, replace: bool) -> None:
        self.producers.queue(self.producers.entry(project, retries), replace=replace)

    @rule(project=projects, after=st.integers(0, 60))
    @precondition(lambda self: not self.producers.holds)
    def queue_meanwhile(self, project: str, after: int) -> None:
        item = self.producers.entry(project, 4)
        self.world.points.arm(after, lambda: self.producers.queue(item))
        self.world.work()
        self.world.points.disarm()

    @rule(number=places)
    def queue_again(self, number: int) -> None:
        known = list(self.world.beliefs.memories.values())
        if known:
            memory = known[number % len(known)]
            item = self.producers.entry(memory.project, item_id=memory.id)
            if not memory.replaced:
                self.producers.again({**item, "content": memory.text})

    @rule(number=places)
    def queue_under_a_known_id(self, number: int) -> None:
        known = list(self.world.beliefs.memories.values())
        if known:
            memory = known[number % len(known)]
            self.producers.queue(self.producers.entry(memory.project, 4, memory.id))

    @rule(project=projects)
    @precondition(lambda self: not self.producers.holds)
    def queue_afresh(self, project: str) -> None:
        self.producers.afresh(self.producers.entry(project))

    @rule(part=parts)
    @precondition(lambda self: not self.producers.holds)
    def producer_dies(self, part: float) -> None:
        self.producers.die_writing(part)

    @rule(project=projects, part=st.just(1.0) | parts)
    def emergency(self, project: str, part: float) -> None:
        self.producers.emergency(self.producers.entry(project, 4), part)

    @rule(project=projects)
    def slow_emergency(self, project: str) -> None:
        """A producer opens the emergency file, or writes into the one that it has opened."""
        if self.producers.has_opened:
            self.producers.write_opened(self.producers.entry(project, 4))
        else:
            self.producers.open_emergency()

    @rule()
    def lock(self) -> None:
        if self.producers.holds:
            self.producers.let_go()
        else:
            self.producers.hold()

    # The user ----------------------------------------------------------------------

    @rule()
    def open_editor(self) -> None:
        self.user.open()

    @rule(copy=copies, change=changes, replace=st.booleans())
    def save(self, copy: int | None, change: Change, *, replace: bool) -> None:
        self.user.save(copy, change, replace=replace)

    @rule(copy=copies, change=changes, after=st.integers(0, 60))
    def save_meanwhile(self, copy: int | None, change: Change, after: int) -> None:
        if not self.world.at_peace:  # no precondition: where a kill strikes is no choice of ours
            return
        self.world.points.arm(after, lambda: self.user.save(copy, change))
        self.world.work()
        self.world.points.disarm()
        self.world.cycle()

    @rule(copy=copies, change=changes, part=parts)
    def save_slowly(self, copy: int, change: Change, part: float) -> None:
        if self.user.is_saving:
            self.user.end_saving()
        else:
            self.user.begin_saving(copy or 0, change, part)

    @rule(copy=places)
    def restore_copy(self, copy: int) -> None:
        self.user.restore_copy(copy)

    @rule()
    def empty(self) -> None:
        self.user.empty()

    @rule()
    def remove_file(self) -> None:
        self.user.remove_file()

    @rule(part=parts)
    def break_file(self, part: float) -> None:
        self.user.break_file(part)

    # Commands ----------------------------------------------------------------------

    @rule(project=projects)
    @precondition(lambda self: not self.producers.holds)
    def add(self, project: str) -> None:
        self.commands.add(self.producers.entry(project))

    @rule(project=st.none() | projects)
    def retry(self, project: str | None) -> None:
        self.commands.retry(project)

    @rule(number=places, for_good=st.booleans())
    @precondition(lambda self: not self.producers.holds)
    def delete(self, number: int, *, for_good: bool) -> None:
        self.commands.delete(number, for_good=for_good)

    @rule(number=places)
    @precondition(lambda self: not self.producers.holds)
    def edit(self, number: int) -> None:
        self.commands.edit(number)

    @rule(verb=st.sampled_from(Killed.VERBS), number=places, after=st.integers(0, 90))
    @precondition(lambda self: not self.producers.holds)
    def kill_command(self, verb: str, number: int, after: int) -> None:
        self.world.kill()
        Killed(self.world, self.commands).give(verb, number, after)
        self.world.start()

    @rule(number=places)
    @precondition(lambda self: not self.producers.holds)
    def restore(self, number: int) -> None:
        self.commands.restore(number)

    @rule(minutes=st.none() | st.sampled_from([1.0, 60.0]))
    def pause(self, minutes: float | None) -> None:
        until = None if minutes is None else self.world.clock.time() + minutes * 60
        orders.write_pause(self.world.paths, until)

    @rule()
    def resume(self) -> None:
        orders.clear_pause(self.world.paths)

    # The clock ---------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.2, 2.0, 31.0, 61.0, 130.0, 3_601.0, _DAY + 1]))
    def wait(self, seconds: float) -> None:
        self.world.clock.advance(seconds)

    @rule(seconds=st.sampled_from([-10 * _YEAR, -_DAY, -3_600.0, -5.0, 5.0, 3_600.0, 10 * _YEAR]))
    def set_clock(self, seconds: float) -> None:
        self.world.set_clock(seconds)

    # Network and server --------------------------------------------------------------

    @rule(name=st.sampled_from(sorted(ANSWERS)))
    def answer(self, name: str) -> None:
        self.world.server.default = ANSWERS[name]

    @rule(name=st.sampled_from(["500", "403", "429", "502", "cut off after storing"]))
    def answer_once(self, name: str) -> None:
        self.world.server.script(ANSWERS[name])

    @rule(stores=st.booleans())
    @precondition(lambda self: self.hanging < _HANGING)
    def hang_once(self, *, stores: bool) -> None:
        self.hanging += 1
        self.world.server.script(Answer(delay=60, stores=stores))
        self.world.hurry(HASTY)

    @rule(project=projects, name=st.sampled_from(["500", "403", "429", "502"]))
    def answer_project(self, project: str, name: str) -> None:
        self.world.server.script(ANSWERS[name], project=project, forever=True)

    @rule()
    def answer_well(self) -> None:
        ending.mend(self.world)

    @rule()
    def network(self) -> None:
        self.world.switch()

    @rule(status=st.sampled_from([200, 503]))
    def health(self, status: int) -> None:
        self.world.server.health = replace(NAMED, status=status)


def run(histories: int, steps: int, *, always_the_same: bool = False) -> None:
    """Run so many histories of at most so many steps. AssertionError when one goes wrong."""
    chosen = settings(
        max_examples=histories,
        stateful_step_count=steps,
        derandomize=always_the_same,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Histories, settings=chosen)
