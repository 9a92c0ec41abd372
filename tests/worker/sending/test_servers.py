"""What is known of a memory at one server stays known, whatever another one says of it."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from mem0tray.core.item import Item, Kind
from mem0tray.server.model import Memory, Outcome, Presence
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.queue.intake import accept
from mem0tray.worker.sending.attempt import Attempts
from mem0tray.worker.sending.verdict import Verdicts
from tests.ledger.samples import NOW, fresh, known, letter, put
from tests.worker.ground import grounded
from tests.worker.sending.court import FAILED, FORBIDDEN, OUTAGE, SILENT, SLOW, TAKEN

CUT = Outcome(Kind.NO_ANSWER, None, "the connection was lost", may_have_it=True)
PROXY = Outcome(Kind.OUTAGE, 502, "502", may_have_it=True)
BROKEN = Outcome(Kind.ITEM_FAILURE, 500, "500", may_have_it=True)
DENIED = Outcome(Kind.UNAUTHORIZED, 401, "401 Unauthorized")
ANSWERS = (FAILED, CUT, SILENT, OUTAGE, PROXY, BROKEN, DENIED, FORBIDDEN, SLOW)


class Server:
    """A server that answers as the test says; `stores` what is cut off or comes too late, too."""

    def __init__(self, name: str, *, tells: bool = True) -> None:
        self.name = name
        self.tells = tells
        self.silent = False
        self.stored: list[str] = []
        self.keys: list[str] = []
        self.asked = 0
        self.answer = TAKEN
        self.stores = False

    def save(self, memory: Memory, timeout: float) -> Outcome:
        del timeout
        self.keys.append(memory.key)
        if self.stores or self.answer is TAKEN:
            self.stored.append(str(memory.content))
        return self.answer

    def ask(self, memory: Memory, timeout: float, since: float = 0.0) -> Presence | Outcome:
        del timeout, since
        self.asked += 1
        if self.silent:
            return SILENT
        if not self.tells:
            return Presence.CANNOT_TELL
        return Presence.PRESENT if str(memory.content) in self.stored else Presence.ABSENT


class Scene:
    """A ledger, and attempts one after the other, each a minute later than the one before."""

    def __init__(self, context: WorkerContext) -> None:
        self.context = context
        self._minutes = count()
        self.began()

    def began(self) -> None:
        self.attempts = Attempts(self.context, lambda: False)
        self._verdicts = Verdicts(self.context, lambda: None)

    def now(self) -> float:
        return NOW + 60.0 * next(self._minutes)

    def send(
        self, key: int, server: Server, answer: Outcome = TAKEN, *, stores: bool = False
    ) -> Outcome:
        self.context.server = server.name
        server.answer, server.stores = answer, stores
        job = self.context.outbox.claim(key, self.now(), server.name)
        client: Any = server
        made = self.attempts.make(client, job, 0)
        self.attempts.note_end(job, made)
        with self.context.ledger.transaction():
            self._verdicts.apply(job, made, server.name, self.now(), canary=False)
        return made

    def state(self, key: int) -> str:
        return self.context.outbox.standing(key)[0]

    def put_back(self, item: Item) -> int:
        key, _ = accept(self.context, item, ask=False)
        return key


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with grounded(tmp_path) as context:
        yield Scene(context)


@pytest.fixture
def a() -> Server:
    return Server("http://a.test")


@pytest.fixture
def b() -> Server:
    return Server("http://b.test")


def taken_in(scene: Scene, lane: str) -> int:
    (key,) = put(scene.context.inbox, (letter if lane == "dead" else fresh)("m"))
    return key


def twice(said: Outcome) -> Callable[[Scene, int, Server], None]:
    def refuse(scene: Scene, key: int, there: Server) -> None:
        for _ in range(2):
            scene.send(key, there, said)

    return refuse


def bury(scene: Scene, key: int, there: Server) -> None:
    while scene.state(key) == "pending":
        scene.send(key, there, FAILED)
    scene.send(key, there, FAILED)


def begin_anew(scene: Scene, key: int, there: Server) -> None:
    scene.began()
    scene.send(key, there, FAILED)
    scene.began()


def deliver_and_put_back(scene: Scene, key: int, there: Server) -> None:
    scene.send(key, there)
    scene.context.server = "http://a.test"
    assert scene.put_back(fresh("m")) == key


def discard_and_restore(scene: Scene, key: int, there: Server) -> None:
    scene.send(key, there, FAILED)
    scene.context.inbox.discard([key], scene.now(), "deleted")
    assert scene.put_back(fresh("m")) == key


@pytest.mark.row(36)
@pytest.mark.parametrize(
    ("lane", "lost", "between"),
    [
        *(("fresh", CUT, twice(said)) for said in ANSWERS),
        *(("dead", lost, twice(FAILED)) for lost in (CUT, SILENT, PROXY, BROKEN)),
        ("fresh", CUT, bury),
        ("fresh", CUT, begin_anew),
        ("fresh", CUT, deliver_and_put_back),
        ("fresh", CUT, discard_and_restore),
    ],
)
def test_what_another_server_says_is_no_answer(
    scene: Scene, a: Server, b: Server, lane: str, lost: Outcome,
    between: Callable[[Scene, int, Server], None],
) -> None:  # fmt: skip
    key = taken_in(scene, lane)
    scene.send(key, a, lost, stores=True)
    between(scene, key, b)
    assert scene.send(key, a).kind is Kind.FOUND
    assert (a.stored, a.keys, a.asked) == (["text of m"], ["m"], 1)


@pytest.mark.row(36)
def test_a_server_that_has_answered_is_not_asked_again(scene: Scene, a: Server, b: Server) -> None:
    key = taken_in(scene, "dead")
    scene.send(key, a, CUT)
    for _ in range(3):
        scene.send(key, a, FAILED)
    assert a.asked == 1
    for _ in range(3):
        scene.send(key, b, FAILED)
    assert b.asked == 0  # nobody has it
    scene.send(key, b, CUT)
    for _ in range(2):
        scene.send(key, a, FAILED)
    assert (a.asked, b.asked) == (2, 0)  # the two may be one


@pytest.mark.row(36, 45)
@pytest.mark.parametrize("taken", [False, True])
def test_a_server_that_cannot_tell_gets_the_same_key(
    scene: Scene, b: Server, *, taken: bool
) -> None:
    """A dead letter is never held, though another worker may have taken its entry."""
    a = Server("http://a.test", tells=False)
    key = taken_in(scene, "fresh")
    if taken:
        scene.context.foreign_claims.vanish([key], scene.now(), taken=True, wait_until=0.0)
    else:
        scene.send(key, a, CUT)
    bury(scene, key, b)
    assert scene.send(key, a).kind is Kind.DELIVERED
    assert (set(a.keys), a.asked) == ({"m"}, 1)


@pytest.mark.row(36)
def test_what_nobody_remembers_is_asked_about_at_each_server(
    scene: Scene, a: Server, b: Server
) -> None:
    """After the ledger was lost any server may have it: one answer is that of one server."""
    key = scene.context.inbox.add_fresh(fresh("m"), NOW, ask=True)
    a.stored.append("text of m")
    for _ in range(2):
        scene.send(key, b, FAILED)
    assert b.asked == 1
    scene.send(key, a)
    assert a.keys == []


@pytest.mark.row(36, 45)
def test_another_worker_makes_the_same_server_a_question_again(scene: Scene, a: Server) -> None:
    key = scene.context.inbox.add_fresh(fresh("m"), NOW, ask=True)
    scene.send(key, a, FAILED)
    scene.context.foreign_claims.vanish([key], scene.now(), taken=True, wait_until=0.0)
    a.stored.append("text of m")
    scene.send(key, a)
    assert (len(a.keys), a.asked) == (1, 2)


@pytest.mark.row(36)
@pytest.mark.parametrize("first", ["sent", "lost ledger"])
def test_a_text_that_is_edited_and_edited_back_is_asked_about(
    scene: Scene, a: Server, first: str
) -> None:
    old, new = letter("m"), letter("m", content="another")
    key = scene.context.inbox.add_dead(old, old.raw, NOW, ask=first != "sent", gen=None)
    if first == "sent":
        scene.send(key, a, CUT, stores=True)
    else:
        a.stored.append("text of m")
    inbox = scene.context.inbox
    edit = inbox.change_content(known(inbox, old), new, scene.now())
    assert edit != key
    scene.send(edit, a, FAILED)
    back = inbox.change_content(known(inbox, new), old, scene.now())
    assert back == key
    inbox.revive(known(inbox, old), old, scene.now(), dead=True, gen=None)
    scene.send(back, a)
    assert a.stored == ["text of m"]
    assert a.keys[-1].startswith("m-")
    assert a.asked == 1


def test_questions_in_vain_are_of_one_server(scene: Scene, a: Server, b: Server) -> None:
    key = taken_in(scene, "dead")
    scene.send(key, a, CUT)
    a.silent = b.silent = True
    for _ in range(2):
        scene.send(key, a)
    scene.attempts.forget_server()
    for _ in range(2):
        assert scene.send(key, b).kind is Kind.ASKED_IN_VAIN
    assert b.keys == []


@pytest.mark.row(36, 45)
@pytest.mark.parametrize("wish", ["none", "retry", "put back"])
def test_what_another_worker_took_is_held_where_nobody_can_tell(
    scene: Scene, b: Server, wish: str
) -> None:
    a = Server("http://a.test", tells=False)
    key = taken_in(scene, "fresh")
    others, counters = scene.context.foreign_claims, scene.context.counters
    others.vanish([key], scene.now(), taken=True, wait_until=0.0)
    for _ in range(2):
        scene.send(key, b, FAILED)
    assert (b.asked, len(b.keys), counters.waiting().held) == (1, 2, 0)
    if wish == "put back":
        others.come_back([key])
    elif wish == "retry":
        assert scene.send(key, a).kind is Kind.HELD
        assert (counters.waiting().held, others.send([key])) == (1, 1)
    assert (scene.send(key, a).kind is Kind.HELD) == (wish == "none")
    assert (len(a.keys), counters.waiting().held) == ((0, 1) if wish == "none" else (1, 0))
