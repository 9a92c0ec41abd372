"""What the window costs with many memories that are not delivered."""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Final

import httpx
from playwright.sync_api import BrowserContext, Page

from tests.benchmarks.figure import Figure, median_ms
from tests.benchmarks.idle import pss
from tests.support.browser import Tab, Window, chromium
from tests.support.home import Home
from tests.support.shapes import waiting
from tests.support.standin import Standin

LETTERS: Final = 100_000
PROJECTS: Final = 10
ERRORS: Final = ("500 Internal Server Error", "422: too long", "no answer after 60 s", "404")
_ROUNDS: Final = 5
_MS: Final = 1000
_LONG: Final = 120.0
# From the click to the picture, as the browser knows it.
_PAINTED: Final = """() => new Promise(done => {
  const took = () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime;
  const look = () => took() && document.querySelector("#live h1") ? done(took()) : setTimeout(look);
  look();
})"""
_SWAPPED: Final = """() => {
  const once = {once: true};
  const swapped = done => document.body.addEventListener("htmx:afterSwap", done, once);
  window.swapped = new Promise(swapped);
}"""


def window(home: Home, server: Standin) -> list[Figure]:
    """With 100,000 not delivered: click to page, first screen, filters, memory, 10,000 retried."""
    home.write_dlq(
        waiting(f"letter {n}", f"project {n % PROJECTS}", last_error=ERRORS[n % len(ERRORS)])
        for n in range(LETTERS)
    )
    home.worker(dlq_size=LETTERS)
    with chromium() as browser, Window(home, browser) as shown:
        running = browser.new_context()  # as people have it, with its first page long there
        running.new_page().wait_for_timeout(_MS)
        click = partial(_click, shown, running)
        opened, again = median_ms(1, click), median_ms(_ROUNDS, click)
        tab = shown.open()
        figures = [
            Figure("window: click to page, nothing runs", opened, "ms", 1000),
            Figure("window: click to page, it is open", again, "ms", 1000),
            *_first(tab),
            *_filters(tab),
            *_retry(tab, server),
        ]
        memory = pss(shown.endpoint.pid)
        running.close()
    return [*figures, Figure("window: memory (PSS)", memory, "MB", 120)]


def _click(shown: Window, running: BrowserContext) -> None:
    """Start `mem0tray open`, and show what it asks for in a new tab."""
    page = running.new_page()
    page.goto(shown.door())
    page.wait_for_selector("#live h1")


def _first(tab: Tab) -> list[Figure]:
    cookies = {one["name"]: one["value"] for one in tab.page.context.cookies()}
    address = tab.page.url
    figures = []
    with httpx.Client(cookies=cookies) as client:
        for view in ("", "undelivered", "activity"):
            url = address + view
            served = median_ms(_ROUNDS, partial(_get, client, url))
            painted = statistics.median(_paint(tab.page, url) for _ in range(_ROUNDS))
            name = f"window: {view or 'first screen'}"
            figures.append(Figure(f"{name}, served", served, "ms", 300))
            figures.append(Figure(f"{name}, painted", painted, "ms", 300))
    return figures


def _get(client: httpx.Client, url: str) -> None:
    client.get(url).raise_for_status()


def _paint(page: Page, url: str) -> float:
    page.goto(url, wait_until="commit")
    return float(page.evaluate(_PAINTED))


def _filters(tab: Tab) -> list[Figure]:
    page = tab.page
    page.click("nav a[href=undelivered]")
    page.wait_for_selector("[name=project]")
    acts: dict[str, Callable[[], object]] = {
        "project": lambda: page.select_option("[name=project]", "project 3"),
        "age": lambda: page.select_option("[name=age]", "week"),
        "cause": lambda: page.select_option("[name=cause]", index=1),
        "order": lambda: page.select_option("[name=order]", "newest"),
        "none": lambda: page.select_option("[name=cause]", ""),
        "page": lambda: page.get_by_role("button", name="Next").click(),
    }
    took = {name: _answered(page, act) * _MS for name, act in acts.items()}
    page.reload()
    delay = 400
    took["text"] = _answered(page, lambda: page.fill("#text", "letter 777")) * _MS - delay
    detail = ", ".join(f"{name} {value:.3g} ms" for name, value in took.items())
    return [Figure("window: a filter, worst", max(took.values()), "ms", 200, detail=detail)]


def _answered(page: Page, act: Callable[[], object]) -> float:
    """Seconds until what an act asks for stands on the page."""
    page.evaluate(_SWAPPED)
    started = time.monotonic()
    act()
    page.evaluate("() => window.swapped.then(() => 0)")
    return time.monotonic() - started


def _retry(tab: Tab, server: Standin) -> list[Figure]:
    page, number = tab.page, LETTERS // PROJECTS
    page.fill("#text", "")
    page.select_option("[name=project]", "project 3")
    page.get_by_text(f"All {number:,} that match").click()
    started = time.monotonic()
    tab.button("Try again", "#chosen").click()
    said = tab.said()
    ordered = time.monotonic() - started
    assert f"{number:,} memories are tried again" in said, said
    server.wait_for(lambda: server.has_saves(number), _LONG, "all tried again")
    delivered = time.monotonic() - started
    page.get_by_text("None matches.").wait_for()
    shown = time.monotonic() - started - delivered
    name, detail = f"window: {number:,}", f"shown {shown:.1f} s later"
    return [
        Figure(f"{name} ordered to be tried again", ordered, "s", 2),
        Figure(f"{name} tried again", delivered, "s", _LONG, detail=detail),
    ]
