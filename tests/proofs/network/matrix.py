"""The matrix: each fault, struck at everything and at saves alone, and what must hold."""

from dataclasses import dataclass
from typing import Final

from mem0tray.core.state import BREAK
from tests.proofs.network import faults
from tests.support import oracle
from tests.support.fault_proxy import Fault, FaultProxy
from tests.support.forked import ANEW
from tests.support.home import Home
from tests.support.shapes import entries
from tests.support.standin import Standin

MOST_MEMORY: Final = 100 * faults.MEGABYTE  # of a worker that rests at 35
BATCH: Final = 3  # memories queued under each fault
LOST: Final = "the connection was lost"
LATE: Final = "no answer after"
PAGE: Final = "not a JSON object"
ELSEWHERE: Final = "http://127.0.0.2:9"
SENT_ON: Final = "redirects deliveries to"  # once the server is to blame, and no memory
UNFOLLOWED: Final = "to http://127.0.0.2:9/%s, which is not followed"


@dataclass(frozen=True, slots=True)
class Case:
    """A fault and what the contract says of it (section 3).

    `down`: what the state's reason says when everything is struck. `said`: the
    words about an attempt when saves alone are struck, which `counts` or does
    not. `accepted`: the server has stored the memory nevertheless. `silent`:
    only a time-out ends a request.
    """

    fault: Fault
    down: str
    said: str
    counts: bool
    accepted: bool = False
    silent: bool = False

    @property
    def env(self) -> dict[str, str]:
        return {"MEM0TRAY_SYNC_TIMEOUT": "0.4" if self.silent else "20"}


def _lost(fault: Fault, *, accepted: bool = False) -> Case:
    return Case(fault, LOST, LOST, counts=True, accepted=accepted)


def _late(fault: Fault, *, accepted: bool = False) -> Case:
    return Case(fault, LATE, LATE, counts=True, accepted=accepted, silent=True)


def _uncounted(fault: Fault, said: str, down: str = "", *, accepted: bool = False) -> Case:
    return Case(fault, down or said, said, counts=False, accepted=accepted)


def _status(status: int, *, counts: bool, accepted: bool = False, **fields: str) -> Case:
    fault = faults.instead(status, faults.HTML, accepted=accepted, **fields)
    return Case(fault, str(status), str(status), counts=counts, accepted=accepted)


CASES: Final = {
    "reset after the server accepted": _lost(faults.reset_after, accepted=True),
    "lost in the middle of the request": _lost(faults.lost_in_request),
    "half open: taken, never answered": _late(faults.half_open),
    "answer vanished": _late(faults.lost_answer, accepted=True),
    "body byte by byte": _late(faults.slow_body, accepted=True),
    "body truncated": _lost(faults.truncated, accepted=True),
    "garbage": _uncounted(faults.garbage, "not HTTP", accepted=True),
    "endless body": _uncounted(faults.endless, "too long", PAGE, accepted=True),
    "Content-Length too short": _uncounted(faults.length_too_short, PAGE, accepted=True),
    "gzip bomb": _uncounted(faults.gzip_bomb, PAGE, accepted=True),
    "redirect on the same host": _status(308, counts=False, Location="/elsewhere"),
    "redirect to another host": _uncounted(
        faults.instead(307, b"", Location=f"{ELSEWHERE}/memory"), UNFOLLOWED % "memory"
    ),
    "portal: 200 and its page": _uncounted(faults.instead(200), PAGE),
    "portal: 302 to its page": _uncounted(
        faults.instead(302, Location=f"{ELSEWHERE}/sign-in"), UNFOLLOWED % "sign-in"
    ),
    "portal: 511": _status(511, counts=True),
    "portal's page after the server accepted": _uncounted(
        faults.instead(200, accepted=True), PAGE, accepted=True
    ),
    "502 after the server accepted": _status(502, counts=False, accepted=True),
    "504 after the server accepted": _status(504, counts=False, accepted=True),
    "500 after the server accepted": _status(500, counts=True, accepted=True),
    "429": _status(429, counts=False, Retry_After="0.2"),
}


class Trial:
    """One worker behind the proxy, struck by one fault after the other."""

    def __init__(self, home: Home, server: Standin, proxy: FaultProxy) -> None:
        self.home, self.server, self.proxy = home, server, proxy
        self.accepted: list[str] = []
        self._log_before = 0
        home.env["MEM0TRAY_SERVER_URL"] = proxy.url
        # As with the usual settings, an outage is probed before much is tried again.
        home.env["MEM0TRAY_SYNC_RETRY_INTERVAL"] = "0.5"

    def start(self, env: dict[str, str]) -> None:
        self.worker = self.home.worker(wrapper=ANEW, env=env)
        self.wait_delivered(self.queue("undisturbed", 1))

    def queue(self, label: str, number: int = BATCH) -> list[str]:
        items = entries(number, label)
        texts = [str(item["content"]) for item in items]
        self.accepted += texts
        self._log_before = len(self.home.log_text())
        self.home.write_emergency(items)
        return texts

    def everything(self, name: str) -> list[str]:
        """Strike all requests while memories come in: the server is down, and says why."""
        case = CASES[name]
        self.proxy.strike(case.fault)
        texts = self.queue(f"{name}, everything")
        self.home.wait(lambda: self._is_down(case.down), what=f"{name}: down")
        return self._wrong(case, texts)

    def saves_alone(self, name: str) -> list[str]:
        """Strike saves while health is well: an attempt counts, or does not."""
        case = CASES[name]
        self.proxy.strike(case.fault, saves_only=True)
        texts = self.queue(f"{name}, saves")
        told = []
        if case.counts:
            self.home.wait(lambda: self._is_told(case.said), what=f"{name}: told in the log")
        if case.accepted and self.server.can_be_asked:
            self.wait_delivered(texts)  # by asking, while no save can be answered
        elif not case.counts:
            self.home.wait(lambda: len(self.proxy.struck) > BATCH, what=f"{name}: tried again")
            self.home.wait(lambda: len(self._waiting(texts)) == BATCH, what=f"{name}: shown")
            said = str(self.home.json("diagnose"))
            words = (case.said, SENT_ON, str(BREAK))  # a 429's own words, until its break is over
            if not case.accepted and not any(each in said for each in words):
                told.append(f"not said in words: {said}")
        return told + self._wrong(case, texts)

    def wait_delivered(self, texts: list[str]) -> None:
        self.home.wait(lambda: not self.server.missing(texts), what=f"{texts[0]}: stored")
        self.home.wait(lambda: not self._waiting(texts), what=f"{texts[0]}: gone from the files")

    def _wrong(self, case: Case, texts: list[str]) -> list[str]:
        """Let the fault end and all be delivered; name what is wrong then, or was before."""
        counted, told = self._waiting(texts), []
        self.proxy.heal()
        self.home.ok("retry", "--all")
        self.wait_delivered(texts)
        if not case.counts and any(counted):
            told.append(f"counted although it must not: {counted}")
        if (peak := self.worker.peak_memory()) > MOST_MEMORY:
            told.append(f"the worker took {peak} bytes")
        return told + oracle.faults(self.home, self.server, self.accepted)

    def _waiting(self, texts: list[str]) -> list[int]:
        """The failures that the files show of each memory that waits."""
        queue = [item["retries"] for item in self.home.queue_items() if item["content"] in texts]
        dead = [item["retry_count"] for item in self.home.dlq_items() if item["content"] in texts]
        return [*queue, *(5 + count for count in dead)]

    def _is_down(self, words: str) -> bool:
        state, reason = self.home.state()
        return state == "down" and words.lower() in reason.lower()

    def _is_told(self, words: str) -> bool:
        """Whether the log has had a line about an attempt that failed since the last batch."""
        lines = self.home.log_text()[self._log_before :].splitlines()
        return any("failed:" in line and words in line for line in lines)
