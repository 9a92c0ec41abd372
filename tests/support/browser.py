"""A real browser without a screen, led through the window."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Self

from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright

from mem0tray.localserver import endpoint
from mem0tray.localserver.endpoint import Endpoint
from tests.support.forked import ForkedHome
from tests.support.home import Home
from tests.support.processes import PATIENCE, Process, wait_until
from tests.support.shapes import Item

CHROMIUM: Final = "chromium-headless-shell"  # has no windows of its own, which take a third more
_NAME: Final = "browser"
_APART: Final = """
import signal
from mem0tray.window import serve
serve._LOOK = 0.05
signal.signal(signal.SIGUSR1, lambda *_: setattr(serve, "_LEFT", 0.1))
serve.main()
"""


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which(CHROMIUM))
        yield browser
        browser.close()


class Window:
    """The window of a home, opened as people do; `faults` is what the browser complained of."""

    def __init__(
        self, home: Home, browser: Browser | None = None, worker: Process | None = None
    ) -> None:
        self.home = home
        self.worker = worker
        self.faults: list[str] = []
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._asked = home.root / "asked"  # the address that a browser was to show
        self._script = home.root / _NAME
        self._script.write_text(f'#!/bin/sh\nprintf %s "$1" > {self._asked}\n')
        # Which browser is the usual one, a script of 17 processes finds out.
        (home.root / "xdg-settings").write_text("#!/bin/sh\n")
        for each in (self._script, home.root / "xdg-settings"):
            each.chmod(0o755)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._contexts:
            each.close()

    def fill(self, *letters: Item) -> None:
        """Leave memories that are not tried again by themselves for an hour."""
        home = self.home
        home.write_dlq(letters)
        home.wait(lambda: home.read(home.metrics)["dlq_size"] == len(letters), what="taken in")

    @property
    def folder(self) -> Path:
        """Where its address is kept, in the data folder of its `~/.claude`."""
        return next(self.home.data.glob("mem0tray/claude-*"), self.home.data) / "window"

    @property
    def endpoint(self) -> Endpoint:
        found = endpoint.read(self.folder)
        assert found is not None, "nothing serves the window"
        return found

    @property
    def serves(self) -> bool:
        return endpoint.find(self.folder) is not None

    def serve_apart(self) -> Process:
        """Serve it by a process that from a signal (SIGUSR1) on ends at once when it is left."""
        process = self.home.background(_APART, str(self.folder), "C")
        self.home.wait(lambda: self.serves, what="the window is served")
        return process

    def _serve(self) -> None:
        """Serve it by a fork, where `mem0tray open` would start an interpreter."""
        if isinstance(self.home, ForkedHome) and self.home.data.is_dir():
            folder = str(self.folder)
            if self.home.start_module("mem0tray.window.serve", folder, "C") is not None:
                self.home.wait(lambda: self.serves, what="the window is served")

    def door(self, **env: str) -> str:
        """Type `mem0tray open`; the address that the browser was given."""
        path = f"{self.home.root}:{os.environ['PATH']}"
        its = {"BROWSER": str(self._script), "DISPLAY": ":0", "PATH": path}
        self.home.ok("open", env=its | env)
        return self._asked.read_text()

    def open(self, view: str = "", *, env: dict[str, str] | None = None, **context: Any) -> "Tab":
        """Open it in a browser of its own, `context` as Playwright has it."""
        assert self._browser is not None
        made = self._browser.new_context(**{"reduced_motion": "reduce", **context})
        made.set_default_timeout(PATIENCE * 1000)
        self._contexts.append(made)
        page = made.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("response", self._answered)
        if not (env or self.serves):
            self._serve()
        page.goto(self.door(**(env or {})))
        page.wait_for_selector("#live h1")
        page.wait_for_load_state()  # a click before that does nothing
        tab = Tab(page)
        tab.go(view)
        return tab

    def _heard(self, message: Any) -> None:
        # What a user's choice makes needless is broken off, which htmx tells as an error.
        broken_off = message.text.startswith(("htmx:afterRequest,", "htmx:sendAbort,"))
        if message.type in ("error", "warning") and not broken_off:
            self.faults.append(message.text)

    def _answered(self, response: Any) -> None:
        if response.status >= 400:
            self.faults.append(f"{response.status} {response.request.method}")


class Tab:
    """A page of the window."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def go(self, view: str) -> None:
        """Change to a view, which is not shown."""
        if view:
            self.page.click(f"nav a[href={view}]")
            self.page.wait_for_selector(f"nav a[href={view}][aria-current]")
            self.page.wait_for_load_state()

    def text(self) -> str:
        return self.page.inner_text("body")

    def button(self, name: str, within: str = "body") -> Locator:
        return self.page.locator(within).get_by_role("button", name=name, exact=True)

    def sees(self, *texts: str, within: str = "main") -> None:
        """Wait until all of these texts are there."""
        for text in texts:
            self.page.locator(within).get_by_text(text).first.wait_for()

    def rows(self) -> list[str]:
        """The texts that are listed as not delivered."""
        return self.page.locator("#chosen .list button.text").all_inner_texts()

    def lists(self, *texts: str) -> None:
        """Wait until exactly these are listed, in this order."""
        found = self.rows
        wait_until(lambda: found() == list(texts), what=f"{texts}", explain=lambda: str(found()))

    def choose(self, *texts: str) -> None:
        for text in texts:
            self.page.get_by_role("checkbox", name=f"Choose: {text}", exact=True).check()

    def said(self) -> str:
        """Wait for what is said of an act."""
        return self.page.locator("#note .said > span").inner_text()
