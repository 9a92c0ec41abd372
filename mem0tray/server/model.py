"""What the worker and a server have to say to each other: plain data, no I/O."""

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

from msgspec import Struct

from mem0tray.core import reasons
from mem0tray.core.delivery_kind import Kind
from mem0tray.core.large import LargeText
from mem0tray.core.reasons import Reason


class Memory(Struct, frozen=True):
    """What is to be delivered; `key` is its idempotency key, sent with every attempt.

    `timestamp` is when it was made, Unix seconds as its producer has them, 0 where that is not
    known. `ticket`: what the server gave for it when it took it in, empty where it gave none.
    """

    project: str
    content: str | LargeText
    key: str
    timestamp: float = 0.0
    ticket: str = ""


class Terms(Struct, frozen=True):
    """What the settings say of how a server keeps memories, where its dialect knows of that.

    `user`: under which name all are kept, with the project beside it; empty: the project is the
    name. `infer`: the server takes facts out of the text, instead of storing that.
    """

    user: str = ""
    infer: bool = False


class Outcome(Struct, frozen=True):
    """The outcome of one attempt.

    `message` is safe for logs, `last_error` and people: one line of at most
    200 characters, without content or secrets. `retry_after` and `duration`
    are seconds. `timed_out` is true only when the server had the request and
    gave no answer in time. `may_have_it`: the server may have stored the memory
    all the same, so it is to be asked before the memory is sent again; that goes
    beside the kind, as a 500 is an `ITEM_FAILURE` and leaves it open. `request_id` is what
    the server calls the request in its own log, empty where it does not say. `ticket`: by what it
    can be asked what becomes of a memory that it is `AT_WORK` on.
    """

    kind: Kind
    status: int | None
    message: str
    retry_after: float | None = None
    duration: float = 0.0
    timed_out: bool = False
    may_have_it: bool = False
    request_id: str = ""
    ticket: str = ""


class ServerMemory(Struct, frozen=True):
    """A memory as a server shows it.

    `id` is the server's own and `created` its time as the server writes it; both are empty
    where it shows none. `score`: how well it fits a search, None where the server does not say.
    `key` is the idempotency key by which we saved it, empty where the server does not keep that.
    """

    project: str
    text: str
    id: str = ""
    created: str = ""
    score: float | None = None
    key: str = ""

    def created_at(self) -> int | None:
        """Its time in whole Unix seconds, not before 1970; None where it shows none.

        A time that names no zone is taken for one of UTC.
        """
        try:
            at = datetime.fromisoformat(self.created)
            return max(0, int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()))
        except (ValueError, OverflowError):
            return None


class Page(Struct, frozen=True):
    """Some of a project's memories, the newest first.

    `after` is what `Client.page` takes for those that follow, empty where none do. `whole`: false
    where the server has older ones that it does not show, or may have.
    """

    memories: list[ServerMemory]
    after: str = ""
    whole: bool = True


class ProjectCount(Struct, frozen=True):
    """A project on a server; `count` is how many memories it has there, None where not said."""

    project: str
    count: int | None = None


class Presence(enum.Enum):
    """Whether the server has a memory."""

    PRESENT = "present"
    ABSENT = "absent"
    CANNOT_TELL = "cannot tell"


class Health(Struct, frozen=True):
    """What a probe has shown; `reason` is a sentence, NONE when the server is healthy.

    `recognised`: false where a server answers, and none of the dialects is its.
    """

    healthy: bool
    reason: Reason
    status: int | None = None
    recognised: bool = True


KEY_REFUSED: Final = frozenset({401, 403})  # the statuses of a server that will not have the key
CANNOT_TELL: Final = frozenset({404, 405})  # the server has no such question


class KeyVerdict(enum.Enum):
    """What a server makes of the API key; `OPEN`: it answers those without a key as well."""

    TAKEN = "taken"
    REFUSED = "refused"
    OPEN = "open"
    CANNOT_TELL = "cannot tell"


class KeyCheck(Struct, frozen=True):
    """What a look at the API key has shown; `message` is what the server said, for people."""

    verdict: KeyVerdict
    message: str = ""


class Fault(enum.Enum):
    """How an exchange over the network broke off; `answers.py` knows the words again."""

    UNREACHABLE = Reason("no connection")  # nothing of the request was sent
    TIMED_OUT = Reason("no answer in time")
    LOST = Reason("the connection was lost before the answer was complete")
    NOT_HTTP = Reason("what came back is not HTTP")
    TOO_LONG = Reason("the answer is too long")


class Reply(Struct):
    """An exchange as it went: an answer, or a fault, or the beginning of an answer and a fault.

    `body` is as it came, and complete only without a fault;
    `detail` says in a few of our own words why nothing was reached; `duration`
    is in seconds. The names of `headers` are found in lower case. `asked` is the
    server's address and the path below it.
    """

    status: int | None
    headers: Mapping[str, str]
    body: bytes
    duration: float
    fault: Fault | None = None
    detail: Reason = reasons.NONE
    asked: tuple[str, str] = ("", "")


NO_TLS: Final = Reason("the server there does not speak TLS")
HELD_BY_ANOTHER: Final = Reason("another program has taken the server's place")
MAX_ANSWER: Final = 1_000_000  # bytes of an answer that is not to be longer, head included

# What only the right server can answer to a challenge; both are printable ASCII.
Proof = Callable[[str], str]


class Exchange(Protocol):
    """What carries the requests of one client to its server, one at a time."""

    def exchange(
        self, method: str, path: str, headers: Sequence[tuple[bytes, bytes]],
        body: bytes | Iterable[bytes] | None, timeout: float, longest: int = MAX_ANSWER,
    ) -> Reply:  # fmt: skip
        """Send one request and read its answer, all within `timeout` seconds.

        `path` follows the address's prefix; the length of a body in pieces stands in `headers`.
        `longest` is how many bytes the answer may have, head included.
        Never raises for trouble of network or server.
        """
        ...

    def abort(self) -> None:
        """Make an exchange that is in progress in another thread return promptly."""
        ...

    def close(self) -> None:
        """Close the connection; the next exchange opens a new one."""
        ...


class Client(Protocol):
    """A dialect's way to talk to a server, over one connection, for one thread.

    Every time-out is in seconds and covers the whole call, connecting
    included. No method raises for trouble of the network or the server.
    """

    def save(self, memory: Memory, timeout: float) -> Outcome:
        """Deliver `memory`."""
        ...

    def ask(self, memory: Memory, timeout: float, since: float = 0.0) -> Presence | Outcome:
        """Ask whether the server has exactly this text.

        `since` is the monotonic time before which the last attempt to deliver it
        may still have been at work (0.0: no longer in this process); what was
        learnt later than that may be used again. An Outcome means that the
        question itself was not answered: outage, 401 or 429; `NO_ANSWER` for a
        time-out, a lost connection, or whatever else is no listing. Only 404 and 405
        mean that the server cannot tell. Of a memory with a ticket it may also be `AT_WORK`, or
        an `ITEM_FAILURE`: the server has told that it has not stored it, and why.
        """
        ...

    def read(self, project: str, limit: int, timeout: float) -> list[ServerMemory] | Outcome:
        """Read up to `limit` memories of a project, the newest first.

        An Outcome says why the server did not show them, in its `message` for people.
        """
        ...

    def search(
        self, project: str, query: str, limit: int, timeout: float
    ) -> list[ServerMemory] | Outcome:
        """Search a project for up to `limit` memories, the best first; else as `read`."""
        ...

    def page(self, project: str, after: str, timeout: float) -> Page | Outcome:
        """Read some of a project's memories: from the newest, or those behind an earlier page.

        `after` is empty, or that of the page before. As long as `after` of a page is not empty
        there may be more, even if the page is empty itself. Else as `read`.
        """
        ...

    def find(self, project: str, key: str, timeout: float) -> list[ServerMemory] | Outcome:
        """Look for what was saved in a project with this idempotency key.

        Empty where the server keeps no key by which it could be found, or has no such memory.
        """
        ...

    def projects(self, timeout: float) -> list[ProjectCount] | Outcome:
        """List the projects that have memories on the server.

        An Outcome says why it did not name them; with a status of CANNOT_TELL the server has
        no such question.
        """
        ...

    def probe(self, timeout: float) -> Health:
        """Ask the server for its health."""
        ...

    def check_key(self, timeout: float) -> KeyCheck:
        """Ask what the server makes of the key, or of having none; this stores nothing."""
        ...

    def abort(self) -> None:
        """Make a call that is in progress in another thread return promptly.

        It answers `NO_ANSWER`, or `OUTAGE` if nothing had been sent. Without a
        request in progress nothing happens, and the next one is not affected: to
        stop a thread for good, repeat this until the thread has ended.
        """
        ...

    def close(self) -> None:
        """Close the connection; called by the thread that makes the calls."""
        ...
