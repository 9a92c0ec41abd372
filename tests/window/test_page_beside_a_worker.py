"""The page beside a real worker and a real server, and after them."""

from pathlib import Path

from tests.support.forked import ForkedHome
from tests.support.home import Home
from tests.support.http1 import Answer
from tests.support.shapes import entry
from tests.support.standin import Standin
from tests.window.reading import Document


def _page(home: Home) -> Document:
    out = home.root / "page.html"
    assert home.ok("report", "--out", str(out)).strip() == str(out)
    return Document(out.read_text(encoding="utf-8"))


def test_what_the_worker_did_is_on_the_page(tmp_path: Path) -> None:
    with Standin() as server, ForkedHome(tmp_path / "home", server.url) as home:
        server.script(Answer(500), content="bad", forever=True)
        home.write_queue([entry("bad", "beta"), entry("good"), entry("fine")])
        worker = home.worker()
        home.wait_dlq(["bad"])
        home.wait(lambda: home.read(home.metrics)["dlq_size"] == 1, what="counted")
        running = _page(home)
        assert running.text("h1") == ["1 memory is not delivered yet"]
        worker.kill()
        stopped = _page(home)
        assert stopped.text("h1") == ["mem0tray is not running"]
        for page in (running, stopped):
            facts = dict(zip(page.text("dt"), page.text("dd"), strict=True))
            assert facts["Memories go to"] == server.url.removeprefix("http://")
            assert facts["Not delivered"] == "1 each is tried again"
            assert facts["Delivered today"] == "2 2 in all"
            cells = page.text("td", role="cell")
            assert cells[:3] == ["beta", "500: scripted 500", "0"]
            assert "1 memory: rejected by the server" in page.text("h3")
            names = [each.attributes["aria-label"] for each in page.all("svg", role="img")]
            assert names[0].startswith("Deliveries: 2 since")
            assert names[1].startswith("Memories not delivered: 1 now")
