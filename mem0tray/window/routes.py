"""What the window answers: the page, what changes on it, and what a user does there."""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from mem0tray.actions import backups, diagnose, recall, standing, verbs, waiting, worker_report
from mem0tray.actions.recall import KnownMemory, WasRead
from mem0tray.actions.waiting import NO_LONGER_WAITS, FoundItem, WaitingItems
from mem0tray.config.server_choice import chosen_server, said
from mem0tray.config.settings import Settings
from mem0tray.core import item as items
from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError, NotFoundError
from mem0tray.core.language import Language
from mem0tray.core.state import HEALTHY, STARTING
from mem0tray.desktop.window import TICKET
from mem0tray.files import atomic
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.rows import ORDERS
from mem0tray.localserver.endpoint import CHALLENGE_MAX, Endpoint, proof
from mem0tray.window import acts, page, settings_form
from mem0tray.window.acts import Acts, Form, Said
from mem0tray.window.guard import ENTER, FORM, HEALTH, Doors, WindowGuard
from mem0tray.window.page import Gathered
from mem0tray.window.words import headline, relative

VIEWS: Final = ("memories", "undelivered", "activity", "settings")
ROWS: Final = 50
_FOUND: Final = 20  # memories
_PATIENCE: Final = 5.0  # seconds for the server to show them
_WAIT: Final = 4.0  # seconds until it is asked a third time; four times as long each time after
_LOOK: Final = 0.5  # seconds between two looks for changes, while a page is open
_MINUTE: Final = 60.0  # ages on the page are right to the minute
_STATIC: Final = Path(__file__).with_name("static")


class _There(NamedTuple):
    """What the server showed at a moment (monotonic), when `_server_mark` was this.

    `wait`: how long it is not asked again, though it may show something else by now.
    """

    mark: tuple[object, ...]
    at: float
    found: WasRead
    wait: float = 0.0

    def next_wait(self, now: float) -> float:
        """Return the wait after the next question: up to a minute while deliveries go on."""
        return 0.0 if now - self.at > _MINUTE else min(max(4 * self.wait, _WAIT), _MINUTE)

    def delivered(self, now: WasRead, reader: Reader) -> Iterator[KnownMemory]:
        """Yield what waited then, and has been delivered since."""
        waits = {each.id for each in now.waiting}
        for each in self.found.waiting:
            rows = reader.by_id(each.id) if each.id not in waits else []
            if any(row.state == items.DELIVERED for row in rows):
                yield each._replace(id="", state="")


class Window:
    """The window of one process. `app` is its ASGI application."""

    def __init__(self, own: Endpoint, language: Language) -> None:
        self._own = own
        self._given = language  # where the settings name none
        # What was shown last, when `_mark` was this: a filter asks for causes at each letter.
        self._before: tuple[tuple[object, ...], Gathered | None] = ((), None)
        self._there: dict[str, _There] = {}  # what the server showed, by query
        self._doors = doors = Doors()
        self._acts = Acts(lambda: self._language)
        self._pages = 0  # that are open
        self._left = time.monotonic()  # when the last of them was closed
        inside = [
            *(Route(path, self._page) for path in ("/", *(f"/{name}" for name in VIEWS[1:]))),
            Route(f"/{ENTER}", self._enter),
            Route("/view/{view}", self._live, methods=["POST"]),
            Route("/latest", self._latest, methods=["POST"]),
            Route("/search", self._search, methods=["POST"]),
            Route("/test", self._test, methods=["POST"]),
            Route("/events", self._events),
            Route("/memory/{key}", self._memory),
            Route("/backups", self._backups),
            Route("/progress", self._progress, methods=["POST"]),
            Route("/delivered", self._delivered, methods=["POST"]),
            Route("/ask/delete", self._ask_to_delete, methods=["POST"]),
            *(
                Route(f"/{name}", self._act(act), methods=["POST"])
                for name, act in self._acts.by_name.items()
            ),
            Mount("/static", StaticFiles(directory=_STATIC, follow_symlink=True)),
        ]
        routes = [
            Route(HEALTH, self._health),
            Route(TICKET, self._ticket, methods=["POST"]),
            Mount(doors.path.rstrip("/"), routes=inside),
        ]
        handlers: dict[Any, Any] = {Mem0TrayError: self._failed, HTTPException: _plain}
        app = Starlette(routes=routes, exception_handlers=handlers)
        closed = partial(self._html, "closed.html", status=403)
        self._guard = WindowGuard(app, own, doors, closed)
        self.app = self._guard

    @property
    def _language(self) -> Language:
        code = acts.current().ui.language
        return _language_of(code) if code else self._given

    def unwatched(self) -> float:
        """Return for how many seconds no page has been open."""
        return 0.0 if self._pages else time.monotonic() - self._left

    # Coming in -----------------------------------------------------------------------------

    async def _health(self, request: Request) -> Response:
        challenge = request.query_params.get("challenge", "")[:CHALLENGE_MAX]
        return JSONResponse({"proof": proof(self._own.token, challenge)})

    async def _ticket(self, _: Request) -> Response:
        self._left = time.monotonic()
        ticket = self._doors.ticket(time.monotonic())
        return JSONResponse({"way": f"{self._doors.path}{ENTER}?ticket={ticket}"})

    async def _enter(self, request: Request) -> Response:
        """Change the ticket for a cookie, and let a page of ours lead on, which may bring it."""
        ticket = request.query_params.get("ticket", "")
        if not self._doors.enter(ticket, time.monotonic()):
            return self._html("closed.html", status=403)
        view = request.query_params.get("view", "")
        answer = self._html("entered.html", {"view": view if view in VIEWS[1:] else ""})
        answer.set_cookie(
            self._guard.cookie, self._doors.session,
            path=self._doors.path, httponly=True, samesite="strict",
        )  # fmt: skip
        return answer

    # What is shown -------------------------------------------------------------------------

    def _page(self, request: Request) -> Response:
        self._left = time.monotonic()  # a page without scripts has no other sign of life
        view = request.url.path.removeprefix(self._doors.path) or VIEWS[0]
        mark = hash(_mark())  # before what is shown is read
        shown = self._shown(view, request.query_params) | self._act_shown() | {"mark": mark}
        shown |= {"form": {FORM: self._doors.form}, "session": self._doors.sessions}
        return self._html("window.html", shown)

    async def _live(self, request: Request) -> Response:
        view, form = request.path_params["view"], await acts.form_of(request)
        if view not in VIEWS:
            raise HTTPException(404)
        return self._html("live.html", await run_in_threadpool(self._shown, view, form))

    def _shown(self, view: str, form: Form) -> dict[str, Any]:
        seen = standing.read(acts.current(), time.time())
        with Reader(seen.paths.ledger) as reader:
            span = str(form.get("span") or page.MONTH) if view == "activity" else ""
            (mark, before), now = self._before, _mark()
            span = span if span in page.SPANS else ""
            gathered = page.gather(seen, reader, span, before if mark == now else None)
            self._before = now, gathered
            shown = page.shown(gathered, self._language, live=True)
            shown |= {"view": view, "span": span}
            if view == "settings":
                shown |= settings_form.shown()
            if view == "undelivered":
                shown |= self._undelivered(form, gathered, WaitingItems(reader, seen.step))
        return shown

    def _undelivered(self, form: Form, seen: Gathered, waits: WaitingItems) -> dict[str, Any]:
        order = str(form.get("order") or "due")
        order = order if order in ORDERS else "due"
        number = acts.number_in(form.get("page"), 1)
        wanted = acts.matching_of(form, seen.groups, seen.now)
        listed = page.listing(waits, wanted, order, ROWS, (number - 1) * ROWS)
        pages = max(1, math.ceil(listed.total / ROWS))
        chosen = set(acts.keys_of(form))
        if "all" in form and form.get("keys") and pages == 1:
            chosen |= {each.known.key for each in listed.letters if each.known}
        return page.shown_letters(listed, seen, self._language) | {
            "page": min(number, pages),
            "pages": pages,
            "chosen": chosen,
            "wanted": acts.filter_of(form, order),
        }

    async def _test(self, request: Request) -> Response:
        steps = await run_in_threadpool(settings_form.test, await acts.form_of(request))
        return self._html("tested.html", {"steps": steps})

    def _latest(self, _: Request) -> Response:
        return self._found("")

    async def _search(self, request: Request) -> Response:
        form = await acts.form_of(request)
        query = str(form.get("query", "")).strip()
        if "again" not in form:
            self._there.pop(query, None)
        return await run_in_threadpool(self._found, query) if query else HTMLResponse("")

    def _found(self, query: str) -> Response:
        now, _ = time.time(), self._language.gettext
        found = self._read(query)
        states = {
            "": _("delivered"),
            recall.WAITING: _("on its way"),
            recall.DEAD: _("not delivered"),
            recall.HELD: _("held"),
        }
        shown = {"query": query, "found": found, "states": states}
        shown |= {"destination": said(found.destination, self._language)}
        shown |= {"ago": lambda at: relative(at, now, self._language)}
        return self._html("found.html", shown)

    def _read(self, query: str) -> WasRead:
        """Read what waits, and what the server has: that only if it may show something else.

        What has been delivered since is shown as it was while it waited.
        """
        settings, now = acts.current(), time.monotonic()
        mark, before = _server_mark(settings), self._there.get(query)
        if before is not None and (before.mark == mark or now < before.at + before.wait):
            found = recall.latest(settings, _FOUND, now + _PATIENCE, query, before.found)
            with Reader(settings.locations().ledger) as reader:
                found.there = [*before.delivered(found, reader), *found.there]
            return found
        found = recall.latest(settings, _FOUND, now + _PATIENCE, query)
        wait = 0.0 if before is None else before.next_wait(now)
        self._there = {name: each for name, each in self._there.items() if not name}
        self._there[query] = _There(mark, now, found, wait)
        return found

    def _memory(self, request: Request) -> Response:
        with waiting.opened(acts.current()) as seen:
            keys = [acts.number_in(request.path_params["key"], 0)]
            for found in map(seen.with_attempts, seen.with_keys(keys)):
                why = diagnose.why_failed(found, found.last_attempt).said(self._language)
                cause = page.cause_of(found, time.time())
                to_do = page.to_do(cause, self._language, live=True)
                shown = {"found": found, "why": why, "to_do": to_do}
                return self._html("memory.html", shown)
        raise NotFoundError(NO_LONGER_WAITS)

    def _backups(self, _: Request) -> Response:
        settings = acts.current()
        paths = settings.locations()
        sources = backups.sources(paths)
        kept = list(zip(sources, verbs.restorable(settings, sources), strict=True))
        shown = {"kept": kept, "whole": paths.dlq_backup.name, "texts": settings.ui.show_texts}
        return self._html("backups.html", shown)

    async def _progress(self, request: Request) -> Response:
        form, own = await acts.form_of(request), self._acts
        if "close" in form:
            own.retried = None
        answer = self._html("act.html", await run_in_threadpool(self._act_shown))
        known = str(own.retried.since) if own.retried else ""
        if "close" not in form and form.get("shown", "") == known:  # nothing new
            answer.headers["HX-Reswap"] = "none"
        return answer

    def _act_shown(self) -> dict[str, Any]:
        act, why = self._acts.retried, ""
        if act is not None and (left := act.left):
            with Reader(acts.current().locations().ledger) as reader:
                act.look(reader)
            if act.left == left:  # perhaps something holds it up
                seen = standing.overview(standing.read(acts.current(), time.time()))
                if seen.state not in (HEALTHY, STARTING):
                    why = headline(seen, self._language, live=True).title
        return {"act": act, "hindered": why, "language": self._language}

    async def _delivered(self, request: Request) -> Response:
        form = await acts.form_of(request)
        memory = await run_in_threadpool(acts.delivered_of, form)
        seen = items.digest(memory.project, memory.text).hex()
        act = "correct" if form.get("act") == "correct" else "remove"
        return self._html("delivered.html", {"memory": memory, "seen": seen, "act": act})

    async def _ask_to_delete(self, request: Request) -> Response:
        form = await acts.form_of(request)
        chosen = await run_in_threadpool(self._chosen, form)
        names: tuple[str, ...] = ("all", *acts.FILTER) if "all" in form else ()
        names = (acts.HELD,) if acts.HELD in form else names
        meant = [(name, form.get(name, "")) for name in names]
        only = chosen[0].item if len(chosen) == 1 else None
        shown = {"number": len(chosen), "keys": acts.keys_of(form), "meant": meant}
        shown |= {"only": only.content if only else ""}
        return self._html("delete.html", shown)

    def _chosen(self, form: Form) -> list[FoundItem]:
        with waiting.opened(acts.current()) as seen:
            return acts.memories_of(seen, form)

    def _html(
        self, name: str, values: Mapping[str, Any] = {}, *, status: int = 200
    ) -> HTMLResponse:
        text = _templates_in(self._language).get_template(name).render(values)
        return HTMLResponse(text.encode("utf-8", "replace"), status)

    # What changes --------------------------------------------------------------------------

    async def _events(self, request: Request) -> Response:
        changes = self._changes(request.query_params.get("shown", ""))
        return StreamingResponse(changes, media_type="text/event-stream")

    async def _changes(self, before: str) -> AsyncIterator[str]:
        """Tell a page that shows what was there at the mark `before` of every change since."""
        session = self._doors.session
        self._pages += 1
        try:
            yield ": open\n\n"
            while session == self._doors.session:
                now = str(hash(await run_in_threadpool(_mark)))
                if now != before:
                    before = now
                    yield "event: changed\ndata:\n\n"
                await asyncio.sleep(_LOOK)
            yield "event: rest\ndata:\n\n"  # it was opened anew elsewhere
        finally:
            self._pages -= 1
            self._left = time.monotonic()

    # What a user does ----------------------------------------------------------------------

    def _act(self, act: Callable[[Form], Said]) -> Callable[..., Any]:
        async def answer(request: Request) -> Response:
            done = await run_in_threadpool(act, await acts.form_of(request))
            self._there.clear()  # it may have changed what the server has
            answer = self._html("note.html", {"said": done.text, "undo": done.undo, "good": True})
            return _with_event(answer, done.event)

        return answer

    async def _failed(self, request: Request, error: Exception) -> Response:
        reason = error.reason if isinstance(error, Mem0TrayError) else reasons.NONE
        said = reasons.sentence(reason).said(self._language)
        answer = self._html("note.html", {"said": said, "undo": "", "good": False})
        answer.headers["Mem0tray-Note"] = "1"
        is_act = request.url.path.removeprefix(self._doors.path) in self._acts.by_name
        return _with_event(answer, "changed") if is_act else answer


_language_of = cache(Language)
_templates_in = cache(page.templates)


def _mark() -> tuple[object, ...]:
    """Return what differs once anything has changed that a page shows."""
    paths = acts.current().locations()
    wal = paths.ledger.with_name(f"{paths.ledger.name}-wal")
    files = (paths.ledger, wal, paths.queue, paths.dlq, paths.emergency, paths.metrics, paths.pause)
    found = map(atomic.signature, files)  # SQLite changes the owner of its log with each reader
    return (*(each and each.lasting for each in found), time.time() // _MINUTE)


def _server_mark(settings: Settings) -> tuple[object, ...]:
    """Return what differs once the server may show something else, as far as is known here."""
    paths = settings.locations()
    state = worker_report.told(worker_report.metrics(paths.metrics)).state.name
    with Reader(paths.ledger) as reader:
        return chosen_server(settings, paths).name, state, reader.last_delivery()


def _with_event(answer: Response, event: str) -> Response:
    """Add an event that reaches the page, though the clicked button may be gone by then."""
    answer.headers["HX-Trigger"] = json.dumps({event: {"target": "body"}})
    return answer


async def _plain(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return Response(f"{status}\n", status, media_type="text/plain")
