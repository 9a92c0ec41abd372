"""Who is let in to the window: the browser of the user who opened it, and nobody else."""

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route

from mem0tray.core.language import Language
from mem0tray.localserver.endpoint import Endpoint
from mem0tray.window.guard import FORM, Doors
from mem0tray.window.routes import Window as Served
from tests.support import needs
from tests.support.browser import Window
from tests.support.forked import ForkedHome
from tests.support.home import Home
from tests.support.shapes import waiting
from tests.support.standin import Standin

pytestmark = needs.linux("a browser is found in another way there")

TEXT = "the secret plan"


class Visitor:
    """A browser that was let in, as far as requests tell."""

    def __init__(self, window: Window) -> None:
        door = Path(unquote(urlsplit(window.door()).path)).read_text(encoding="utf-8")
        self.origin = window.endpoint.url
        self.token = window.endpoint.token
        self.client = httpx.Client(timeout=20)
        (address,) = re.findall('url=([^"]+)', door)
        self.ticket = address.replace("&amp;", "&")
        self.entered = self.client.get(self.ticket)
        self.base = self.ticket.partition("enter")[0]
        page = self.client.get(self.base).raise_for_status().text
        (self.form,) = re.findall(rf"{FORM}[^:]*: *&#34;([^&]+)&#34;", page)

    def headers(self, changed: Mapping[str, str | None] | None = None) -> dict[str, str]:
        """Give the headers of an act, some changed or left out (None)."""
        ours = {"origin": self.origin, FORM: self.form, "sec-fetch-site": "same-origin"}
        made = {**ours, **(changed or {})}
        return {name: value for name, value in made.items() if value is not None}

    def act(self, path: str, headers: Mapping[str, str], cookie: str | None = "ours") -> int:
        """Send an act, with our cookie, another (`name=value`) or none; the status."""
        sent = dict(headers) | ({"cookie": cookie} if cookie not in (None, "ours") else {})
        with httpx.Client(cookies=self.client.cookies if cookie == "ours" else None) as client:
            return client.post(self.base + path, headers=sent).status_code


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with Standin() as server, ForkedHome(tmp_path_factory.mktemp("w") / "home", server.url) as made:
        made.write_dlq([waiting(TEXT, "a project")])
        made.worker(dlq_size=1)
        yield made


@pytest.fixture
def window(home: Home) -> Window:
    return Window(home)


@pytest.fixture
def visitor(window: Window) -> Iterator[Visitor]:
    let_in = Visitor(window)
    yield let_in
    let_in.client.close()


CHANGES: dict[str, dict[str, str | None]] = {
    "no origin": {"origin": None},
    "another origin": {"origin": "http://far.example"},
    "a page of another port": {"origin": "http://127.0.0.1:9", "sec-fetch-site": "same-site"},
    "a file's page": {"origin": "null"},
    "cross-site": {"sec-fetch-site": "cross-site"},
    "same-site": {"sec-fetch-site": "same-site"},
    "no token": {FORM: None},
    "a wrong token": {FORM: "x" * 32},
    "another host": {"host": "far.example"},
    "localhost": {"host": "localhost"},
    "a frame": {"sec-fetch-dest": "iframe"},
}


def test_an_act_is_refused_unless_all_is_ours(visitor: Visitor, home: Home) -> None:
    for what, change in CHANGES.items():
        assert visitor.act("pause", visitor.headers(change)) in (403, 421), what
        assert home.json("status")["paused"] is False
    assert visitor.act("resume", visitor.headers()) == 200


def test_an_act_without_our_cookie_is_refused(visitor: Visitor) -> None:
    (ours,) = visitor.client.cookies.jar
    port = visitor.origin.rpartition(":")[2]
    for cookie in (None, f"mem0tray-{port}=x", f"mem0tray-1={ours.value}", f"x={ours.value}"):
        assert visitor.act("pause", visitor.headers(), cookie) == 403, cookie


def test_reading_is_refused_too(visitor: Visitor) -> None:
    for headers in (
        {"host": "far.example"},  # a name that leads here: such a GET has no origin
        {"host": "127.0.0.1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-dest": "frame"},
    ):
        answer = visitor.client.get(visitor.base, headers=headers)
        assert answer.status_code in (403, 421), headers
        assert TEXT not in answer.text


def test_a_ticket_is_good_once_and_for_a_minute(visitor: Visitor, window: Window) -> None:
    assert visitor.entered.status_code == 200
    assert visitor.client.get(visitor.ticket).status_code == 403
    assert visitor.client.get(visitor.base).status_code == 200, "the session goes on"
    doors = Doors()
    ticket = doors.ticket(1000.0)
    assert not doors.enter(ticket, 1061.0)
    ticket = doors.ticket(1000.0)
    assert not doors.enter("", 1000.0)
    assert doors.enter(ticket, 1059.0)
    other = Visitor(window)  # who opens it anew ends the session before
    assert visitor.client.get(visitor.base).status_code == 403
    assert other.client.get(other.base).status_code == 200
    other.client.close()


def test_a_ticket_is_given_only_to_who_knows_the_token(visitor: Visitor) -> None:
    bearer = {"authorization": f"Bearer {visitor.token}"}
    address = f"{visitor.origin}/ticket"
    for headers in ({}, {"authorization": "Bearer x"}, bearer | {"origin": visitor.origin}):
        assert httpx.post(address, headers=headers).status_code in (401, 403)
    assert httpx.get(address, headers=bearer).status_code == 405
    assert httpx.post(address, headers=bearer).status_code == 200


def _paths(routes: list[BaseRoute], before: str = "") -> Iterator[tuple[str, set[str]]]:
    for each in routes:
        if isinstance(each, Mount) and each.routes:
            yield from _paths(each.routes, before + each.path)
        elif isinstance(each, Mount):
            yield f"{before}{each.path}/window.css", {"GET"}
        else:
            assert isinstance(each, Route)
            yield before + each.path, each.methods or set()


def test_no_route_answers_a_stranger(visitor: Visitor) -> None:
    """A route that is added is tried here by itself."""
    served = Served(Endpoint(9, 9, "x", 0.0), Language("en"))
    own = visitor.base.removeprefix(visitor.origin)
    app = served._guard._app
    assert isinstance(app, Starlette)
    routes = list(_paths(app.routes))
    assert len(routes) > 15
    with httpx.Client() as stranger:
        for path, methods in routes:
            found = re.sub(r"\{(\w+)(:\w+)?\}", "1", path.replace(served._doors.path, own))
            for method, sent in itertools.product(methods, ({}, visitor.headers())):
                answer = stranger.request(method, visitor.origin + found, headers=sent)
                is_open = found == "/health" and not sent
                assert answer.status_code == (200 if is_open else 403), (method, path)
                _is_safe(answer)
                assert TEXT not in answer.text
        for path in ("/", "/undelivered", "/static/window.css", "/x/", own[:-2] + "/"):
            assert stranger.get(visitor.origin + path).status_code == 404, path


def _is_safe(answer: httpx.Response) -> None:
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    wanted = ("no-store", "nosniff", "DENY", "no-referrer")
    names = ("cache-control", "x-content-type-options", "x-frame-options", "referrer-policy")
    assert tuple(answer.headers[name] for name in names) == wanted


def test_every_answer_says_how_a_browser_is_to_treat_it(visitor: Visitor) -> None:
    for path in ("", "undelivered", "activity", "settings", "static/window.js", "memory/1", "gone"):
        _is_safe(visitor.client.get(visitor.base + path))
    for path in ("view/undelivered", "view/gone", "latest", "ask/delete", "restore"):
        _is_safe(visitor.client.post(visitor.base + path, headers=visitor.headers()))
    _is_safe(httpx.get(visitor.origin, headers={"host": "far.example"}))


def test_the_cookie_is_for_this_window_alone(visitor: Visitor) -> None:
    (cookie,) = visitor.entered.headers.get_list("set-cookie")
    name, *rules = [part.strip() for part in cookie.split(";")]
    port = visitor.origin.rpartition(":")[2]
    path = visitor.base.removeprefix(visitor.origin)
    assert name.startswith(f"mem0tray-{port}=")
    assert sorted(rules) == ["HttpOnly", f"Path={path}", "SameSite=strict"]
    assert len(path.strip("/")) >= 20


def test_what_is_on_the_disk_is_for_its_owner(visitor: Visitor, window: Window) -> None:
    home = window.home
    files = [*window.folder.iterdir(), *window.folder.parent.glob("window*.html")]
    assert {each.name for each in files} >= {"server.json", "window.html"}
    for each in files:
        assert needs.has_mode(each, 0o600), each
        assert TEXT not in each.read_text()
    assert needs.has_mode(window.folder, 0o700)
    assert visitor.form
    assert TEXT not in home.log_text()
    command = (window.home.root / "asked").read_text()
    assert "ticket" not in command, "its address is in no command line"


def test_no_text_of_a_memory_is_in_an_address_or_a_title(visitor: Visitor) -> None:
    for path in ("", "undelivered", "memory/1"):
        page = visitor.client.get(visitor.base + path).text
        addresses = re.findall(r'(?:href|src|action|hx-\w+)="([^"]*)"', page)
        titles = re.findall(r"<title>(.*?)</title>", page)
        assert TEXT not in "".join([*addresses, *titles])
    assert TEXT in page
