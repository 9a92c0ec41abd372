"""What the server and the user did with each memory, and what else happened meanwhile."""

import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from tests.support.http1 import Request
from tests.support.standin import SAVE

AROUND: Final = 5.0  # seconds before what is first known of a memory, and after the last
Told = list[tuple[float, str]]  # monotonic seconds, and what happened then


class History:
    """Takes in what happens as it comes, without what makes a request large."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._acts: Told = []
        self._texts: defaultdict[str, Told] = defaultdict(list)
        self._projects: dict[str, str] = {}  # by text
        self._questions: defaultdict[str, Told] = defaultdict(list)  # by project
        self._open: list[Request] = []

    def act(self, what: str) -> None:
        """Write down what an actor does now."""
        self._acts.append((time.monotonic(), what))

    def about(self, text: str, what: str) -> None:
        """Write down what becomes of a memory now."""
        self._texts[text].append((time.monotonic(), what))

    def take(self, requests: Iterable[Request]) -> int:
        """Take in requests that have come since the last time; how many of them are saves."""
        new = [request for request in requests if request.path != "/health"]
        waiting, self._open = [*self._open, *new], []
        for request in waiting:
            if request.finished is None:
                self._open.append(request)
            else:
                self._note(request)
        return sum(_is_save(request) for request in new)

    def _note(self, request: Request) -> None:
        told = (request.started, _line(request))
        if not _is_save(request):
            project = request.project or request.path.removeprefix("/memory/")
            self._questions[project].append(told)
        elif isinstance(request.content, str) and isinstance(request.project, str):
            self._texts[request.content].append(told)
            self._projects[request.content] = request.project

    def of(self, text: str) -> list[str]:
        """Tell what became of a memory: saves, questions of its project, and all acts meanwhile."""
        for request in self._open:
            self._note(request)
        self._open = []
        known = self._texts[text]
        if not known:
            return ["the server never saw it"]
        begin, end = min(known)[0], max(known)[0]
        questions = self._questions[self._projects.get(text, "")]
        told = [
            *known,
            *_between(begin, end, questions),
            *_between(begin - AROUND, end + AROUND, self._acts),
        ]
        return [f"{at - self._began:9.3f} s  {what}" for at, what in sorted(told)]


def _between(begin: float, end: float, told: Told) -> Told:
    return [(at, what) for at, what in told if begin <= at <= end]


def _line(request: Request) -> str:
    """`save: stored, no answer after 2.001 s`."""
    what = "save" if _is_save(request) else "question"
    effect = request.effect or "nothing done"
    if request.finished is None:
        return f"{what}: {effect}, not ended"
    answer = "no answer" if request.status is None else request.status
    return f"{what}: {effect}, {answer} after {request.finished - request.started:.3f} s"


def _is_save(request: Request) -> bool:
    return request.method == "POST" and request.path == SAVE
