"""What the worker and a server say to each other: plain data, no I/O."""

import enum
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from urllib.parse import quote, unquote

from msgspec import UNSET, Struct
from msgspec.structs import replace

from mem0tray.core import reasons
from mem0tray.core.item import Kind
from mem0tray.core.reasons import Reason
from mem0tray.core.text import one_line

KEY_REFUSED: Final = frozenset({401, 403})  # the server does not accept the key
CANNOT_TELL: Final = frozenset({404, 405})  # the server has no such route
UNRESOLVED: Final = Reason("the name of the host cannot be resolved")
NO_TLS: Final = Reason("the server there does not speak TLS")
HELD_BY_ANOTHER: Final = Reason("another program has taken the server's place")
MAX_ANSWER: Final = 1_000_000  # bytes of an answer, head included

# The answer to a challenge that only the right server knows; both are printable ASCII.
Proof = Callable[[str], str]


class Memory(Struct, frozen=True):
    """A memory to be delivered; `key` is its idempotency key, sent with every attempt.

    `timestamp` is when the memory was made, in Unix seconds from its producer, 0 where unknown.
    `ticket` is what the server gave when it took the memory in, empty where it gave none.
    `as_agent`: a version that kept projects as agents at the hosted service may have sent it.
    """

    project: str
    content: str
    key: str
    timestamp: float = 0.0
    ticket: str = ""
    as_agent: bool = False


class Terms(Struct, frozen=True):
    """The settings that say how a server keeps memories, if its dialect can do that.

    `user`: the name under which all are kept, with the project beside it; empty: under the
    project's name. `infer`: the server extracts facts instead of storing the text.
    """

    user: str = ""
    infer: bool = False


class Outcome(Struct, frozen=True):
    """The outcome of one attempt; or why a question was not answered.

    `message` is safe for logs, `last_error` and people: one line of at most 200 characters, without
    content or secrets; `reason` is the same as data. `timed_out`: the server had the request and
    gave no answer in time. `may_have_it`: it may have stored the memory all the same, and is asked
    before that is sent again. `request_id` is the server's own name for the request in its log.
    With `ticket` it can be asked what became of a memory that it is `AT_WORK` on.
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
    reason: Reason = reasons.NONE

    @property
    def is_success(self) -> bool:
        """Whether the server did what it was asked: stored a memory, or answered a question."""
        return self.kind is Kind.DELIVERED

    def because(self, reason: Reason, **changed: Any) -> "Outcome":
        """Return the same for this reason, and with these fields changed."""
        return replace(self, message=one_line(str(reason)), reason=reason, **changed)


class ServerMemory(Struct, frozen=True):
    """A memory as a server shows it.

    `id` and `created` are as the server writes them, empty where it shows none. `score`: how well
    the memory fits a search. `key` is the idempotency key of our save, empty where it is not kept.
    """

    project: str
    text: str
    id: str = ""
    created: str = ""
    score: float | None = None
    key: str = ""

    @property
    def moment(self) -> float | None:
        """The memory's time in Unix seconds, at least 0 (UTC without a zone); None if not shown."""
        try:
            at = datetime.fromisoformat(self.created)
            return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
        except (ValueError, OverflowError):
            return None


class Page(Struct, frozen=True):
    """Some of a project's memories, the newest first.

    `after` is the argument of `Client.page` for the next page, empty where there is none. `whole`
    is false where the server has, or may have, older memories that it does not show.
    """

    memories: list[ServerMemory]
    after: str = ""
    whole: bool = True


class ProjectCount(Struct, frozen=True):
    """A project on a server; `count` is its number of memories there, None where unknown."""

    project: str
    count: int | None = None


class Presence(enum.Enum):
    """Whether the server has a memory."""

    PRESENT = "present"
    ABSENT = "absent"
    CANNOT_TELL = "cannot tell"


class Health(Struct, frozen=True):
    """What a probe has shown; `reason` is a sentence, NONE when the server is healthy.

    `recognised`: false where a server answers in none of the dialects. `path` was asked for, and
    answered with `answer`; `advice` is part of the reason.
    """

    healthy: bool
    reason: Reason
    status: int | None = None
    recognised: bool = True
    path: str = ""
    answer: Reason = reasons.NONE
    advice: Reason = reasons.NONE


class KeyVerdict(enum.Enum):
    """What a server makes of the API key; `OPEN`: it answers without a key as well."""

    TAKEN = "taken"
    REFUSED = "refused"
    OPEN = "open"
    CANNOT_TELL = "cannot tell"


class KeyCheck(Struct, frozen=True):
    """What a check of the API key has shown; `reason` as in an `Outcome`."""

    verdict: KeyVerdict
    reason: Reason = reasons.NONE


class Fault(enum.Enum):
    """How an exchange over the network broke off."""

    UNREACHABLE = Reason("no connection")  # nothing of the request was sent
    TIMED_OUT = Reason("no answer in time")
    LOST = Reason("the connection was lost before the answer was complete")
    NOT_HTTP = Reason("what came back is not HTTP")
    TOO_LONG = Reason("the answer is too long")


class Reply(Struct):
    """An exchange as it went: an answer, a fault, or the beginning of an answer and a fault.

    `headers` have names in lower case. `body` is complete only without a fault; `detail` says why
    nothing was reached. `asked` is the server's address and the path below it.
    """

    status: int | None
    headers: Mapping[str, str]
    body: bytes
    duration: float
    fault: Fault | None = None
    detail: Reason = reasons.NONE
    asked: tuple[str, str] = ("", "")
    value: Any = UNSET


class ProbeClient(Protocol):
    """What a probe needs of a `Client`."""

    def probe(self, timeout: float) -> Health:
        """Ask the server for its health."""

    def recognise(self, timeout: float) -> Health:
        """Ask for health and for what only a server of the dialect has: healthy if it has that."""

    def check_key(self, timeout: float) -> KeyCheck:
        """Ask what the server makes of the key, or of having none; this stores nothing."""

    def abort(self) -> None:
        """Make a call in another thread return, with `NO_ANSWER`, or `OUTAGE` if nothing was sent.

        The next call is not affected: to stop a thread for good, repeat this until it has ended.
        """

    def close(self) -> None:
        """Close the connection; called by the thread that makes the calls."""


class Client(ProbeClient, Protocol):
    """A dialect's way to speak to a server, over one connection, for one thread.

    Every time-out is in seconds and covers the whole call, connecting included. No method raises
    for trouble of the network or the server: an Outcome says why there is no answer.
    """

    def recognise(self, timeout: float, *, is_known: bool = False) -> Health:
        """Ask for health and for what only a server of the dialect has: healthy if it has that.

        Not `recognised` if it answered well without that. If `is_known`, only such an answer
        makes a healthy server unhealthy: a refused key or an outage disproves nothing.
        """

    def save(self, memory: Memory, timeout: float) -> Outcome:
        """Deliver `memory`."""

    def ask(self, memory: Memory, timeout: float, since: float = 0.0) -> Presence | Outcome:
        """Ask whether the server has exactly this text.

        What was learnt after `since` (monotonic), before which the last attempt may still have been
        at work, may be used again. An Outcome is an outage, a 401, a 429, or `NO_ANSWER`; only 404
        and 405 mean that the server cannot tell. Of a memory with a ticket it may also be
        `AT_WORK`, or an `ITEM_FAILURE`: the server has not stored it.
        """

    def read(self, project: str, limit: int, timeout: float) -> Page | Outcome:
        """Read a project's newest memories, `limit` or more; `whole`: they are the newest."""

    def search(
        self, project: str, query: str, limit: int, timeout: float
    ) -> list[ServerMemory] | Outcome:
        """Search a project for up to `limit` memories, the best first."""

    def page(self, project: str, after: str, timeout: float) -> Page | Outcome:
        """Read some of a project's memories: the newest, or those after an earlier page.

        `after` is empty, or the `after` of the page before. While a page's `after` is not empty
        there may be more, even if that page is empty.
        """

    def find(self, project: str, key: str, timeout: float) -> list[ServerMemory] | Outcome:
        """Look for memories with this idempotency key; empty where the server keeps no keys."""

    def projects(self, timeout: float) -> list[ProjectCount] | Outcome:
        """List the projects there. A status of CANNOT_TELL: the server has no such route."""

    @property
    def deletes(self) -> bool:
        """Whether the server can show and delete one memory by its own id."""

    def one(self, memory_id: str, timeout: float) -> ServerMemory | Outcome | None:
        """Read the memory with this id of the server's; None where there is none."""

    def delete(self, memory: ServerMemory, timeout: float) -> Outcome:
        """Delete a memory that `one` has shown; one that is not there any more is deleted."""


ID: Final = "mem0tray_id"  # in the metadata of a memory: our key of it
PROJECT: Final = "mem0tray_project"  # in the metadata too: the project, where its name is another
_ODD: Final = re.compile(r"[\s%]")
ANY: Final = "*"  # in a filter of it, whatever the value


def name_of(text: str) -> str:
    """Make of a project or user a name that the server takes: without white space.

    White space and `%` are percent-encoded; so is the name that stands for every other.
    """
    return "%2A" if text == ANY else _ODD.sub(lambda found: quote(found[0], safe=""), text)


def project_of(name: str) -> str:
    """Return the project for which `name_of` made this name; any other stands for itself."""
    try:
        project = unquote(name, errors="surrogatepass")
    except UnicodeDecodeError:
        return name
    return project if name_of(project) == name else name
