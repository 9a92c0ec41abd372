"""`delete --forget`: the text is gone from whatever can be reached, and the rest is named."""

import json
from pathlib import Path

import pytest

from mem0tray.actions import backups
from mem0tray.actions.forget import Forgotten, forget
from mem0tray.actions.verbs import delete
from mem0tray.config.settings import Settings
from mem0tray.core.errors import NotFoundError
from mem0tray.files import private_folders
from mem0tray.system.paths import Paths
from tests.actions.scene import chosen, contents, queued, read, run_worker, worker, write, write_dlq
from tests.support import needs
from tests.support.shapes import entry, queue_document, waiting

TEXT = "zanzibar « é » must be forgotten"


def holding(root: Path) -> list[str]:
    forms = [TEXT.encode(), b"zanzibar \\u00ab \\u00e9"]
    return sorted(
        path.name
        for path in root.rglob("*")
        if path.is_file() and any(form in path.read_bytes() for form in forms)
    )


def forgotten(paths: Paths, *names: str) -> Forgotten:
    done = delete(paths, Settings(), chosen(paths, *names), for_good=True)
    return forget(paths, Settings(), done.items)


def test_a_deletion_for_good_makes_no_backup(paths: Paths) -> None:
    write_dlq(paths, [waiting(TEXT, id="zz-1"), waiting("stays", id="ss-1")])
    assert delete(paths, Settings(), chosen(paths, "zz"), for_good=True).items
    assert contents(paths) == ["stays"]
    assert list(paths.claude_dir.glob("*backup*")) == []
    with pytest.raises(NotFoundError):
        backups.last_delete(paths)


def test_a_worker_that_has_not_published_yet_is_awaited(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its next queue file makes a backup of the one before, which holds the text."""
    write(paths.queue, queue_document([entry(TEXT, id="zz-1"), entry("stays", id="ss-1")]))
    before = paths.queue.read_bytes()
    done = delete(paths, Settings(), chosen(paths, "zz"), for_good=True)
    after = paths.queue.read_bytes()
    paths.queue.write_bytes(before)

    def publish(_: float) -> None:
        paths.queue_backup.write_bytes(paths.queue.read_bytes())
        paths.queue.write_bytes(after)

    monkeypatch.setattr("mem0tray.actions.forget.worker_runs", lambda _: True)
    monkeypatch.setattr("mem0tray.actions.forget.time.sleep", publish)
    forget(paths, Settings(), done.items)
    assert holding(tmp_path) == []
    assert queued(paths) == ["stays"]


@pytest.mark.parametrize(
    "last_100",
    [[entry(TEXT, id="zz-1")], {"newest": entry(TEXT, id="zz-1")}, f"he said: {TEXT}", None],
    ids=["a list", "an object", "a text", "null"],
)
def test_a_text_is_erased_everywhere(paths: Paths, tmp_path: Path, last_100: object) -> None:
    document = queue_document([entry(TEXT, id="zz-1"), entry("stays", id="ss-1")])
    write(paths.queue, document | {"last_100": last_100})
    write(paths.queue_backup, document)
    write_dlq(paths, [waiting(TEXT, id="zz-2"), waiting("stays dead", id="ss-2")])
    run_worker(paths)
    write(paths.dlq_backup, read(paths.dlq) | {"handmade": 1})
    older = {"items": [waiting(TEXT, id="other"), waiting("old", id="oo-1")]}
    write(paths.claude_dir / "mem0_queue_dlq.backup-2020.json", older)
    for torn in (paths.queue, paths.dlq):
        private_folders.quarantine(paths.quarantine, torn, f'{{"x": "{TEXT}", '.encode(), 0.0)
    forgotten(paths, "zz-1", "zz-2")
    assert holding(tmp_path) == []
    assert (queued(paths), contents(paths)) == (["stays"], ["stays dead"])
    kept = [path.read_text() for path in paths.claude_dir.glob("*.backup*")]
    assert sum("old" in text for text in kept) == 1
    assert sum("handmade" in text for text in kept) == 1
    assert sum("stays dead" in text for text in kept) >= 1


@pytest.mark.parametrize(
    "written",
    [
        r'"\u00c9t\u00E9 a\/b \"q\" \\u00e9 \ud83d\uDE00"',
        r'"\u00C9t\u00e9 a/b \u0022q\u0022 \u005cu00e9 \uD83D\ude00"',
        r'"Ét\u00e9 \u0061/b \"q\u0022 \\u00e9 😀"',
    ],
)
def test_a_text_is_erased_however_it_is_escaped(paths: Paths, written: str) -> None:
    text = json.loads(written)
    write_dlq(paths, [waiting(text, id="zz-1")])
    torn = private_folders.quarantine(
        paths.quarantine, paths.dlq, rf'{{"x": "\ud800 \n", "y": {written}, '.encode(), 0.0
    )
    (paths.claude_dir / "copy.json").write_text(f"[{written}]", encoding="utf-8")
    (line,) = forgotten(paths, "zz").unreachable
    assert "copy.json: " in line
    assert torn.read_bytes() == rb'{"x": "\ud800 \n", "y": "", '


def test_the_ledger_gives_up_earlier_versions_of_a_row_too(paths: Paths, tmp_path: Path) -> None:
    write_dlq(paths, [waiting(TEXT, id="zz-1"), waiting("stays", id="ss-1")])
    with worker(paths) as context, context.ledger.transaction() as db:
        db.execute("PRAGMA secure_delete = OFF")
        (key,) = db.execute("SELECT key FROM items WHERE id = ?", (b"zz-1",)).fetchone()
        (raw,) = db.execute("SELECT raw FROM texts WHERE key = ?", (key,)).fetchone()
        for longer in (raw + TEXT.encode() * 1000, raw):
            db.execute("UPDATE texts SET raw = ? WHERE key = ?", (longer, key))
    forgotten(paths, "zz")
    assert holding(tmp_path) == []
    assert not list(paths.orders.iterdir())
    with worker(paths) as context, context.ledger.locked() as db:
        row = db.execute("SELECT state, reason FROM items WHERE key = ?", (key,)).fetchone()
    assert row == ("discarded", "forgotten")


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("claude_dir", "mem0_emergency.json"), ("claude_dir", "mem0_queue_dlq.json~"),
        ("claude_dir", ".notes.swp"), ("data_dir", "state.json"),
    ],
)  # fmt: skip
def test_what_is_not_ours_to_change_is_named_and_left(paths: Paths, folder: str, name: str) -> None:
    write_dlq(paths, [waiting(TEXT, id="zz-1")])
    copy: Path = getattr(paths, folder) / name
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(f"something with {TEXT} in it")
    result = forgotten(paths, "zz")
    assert [line for line in result.unreachable if name in line]
    assert TEXT in copy.read_text()


def test_another_memory_with_the_same_words_stays(paths: Paths) -> None:
    write_dlq(paths, [waiting(TEXT, id="zz-1"), waiting(f"quote: {TEXT}", id="qq-1")])
    write(paths.dlq_backup, read(paths.dlq))
    result = forgotten(paths, "zz")
    assert contents(paths) == [f"quote: {TEXT}"]
    assert f"quote: {TEXT}" in [each["content"] for each in read(paths.dlq_backup)["items"]]
    assert any("another memory" in line for line in result.unreachable)


@pytest.mark.parametrize(
    ("kind", "status", "named"),
    [
        ("item failure", 500, ["the server may have been sent it, and may have it in its logs"]),
        ("outage", None, []),
    ],
)
def test_a_server_that_was_sent_it_is_named(
    paths: Paths, kind: str, status: int | None, named: list[str]
) -> None:
    write_dlq(paths, [waiting(TEXT, id="zz-1")])
    with worker(paths) as context:
        context.outbox.record_attempt(1, 1.0, kind, status, f"said: {TEXT}", 0.1)
    assert forgotten(paths, "zz").unreachable == named


def test_a_ledger_that_has_not_heard_of_it_yet_is_named_and_older_texts_go(paths: Paths) -> None:
    write_dlq(paths, [waiting(TEXT, id="zz-1"), waiting("older", id="zz-1")])
    both = chosen(paths, "zz")
    delete(paths, Settings(), both[1:])
    done = delete(paths, Settings(), both[:1], for_good=True)
    result = forget(paths, Settings(), done.items, heard=False)
    assert any(line.startswith("the ledger: the worker has not") for line in result.unreachable)
    with worker(paths) as context, context.ledger.locked() as db:
        assert db.execute("SELECT count(*) FROM texts").fetchone() == (0,)


def test_our_backup_is_still_ours(paths: Paths) -> None:
    write_dlq(paths, [waiting(name, id=f"{name}-1") for name in (TEXT, "b", "c")])
    delete(paths, Settings(), chosen(paths, "b"))
    forgotten(paths, "zanz")
    write_dlq(paths, [*read(paths.dlq)["items"], waiting("new", id="n-1")])
    delete(paths, Settings(), chosen(paths, "c"))
    assert len(list(paths.claude_dir.glob("*.backup-*"))) == 2


def test_a_folder_that_is_not_or_cannot_be_looked_into_is_named(paths: Paths) -> None:
    write_dlq(paths, [waiting(TEXT, id="zz-1")])
    paths.data_dir.mkdir(parents=True)
    paths.quarantine.write_text("no folder")
    (paths.claude_dir / "projects").mkdir()
    claude, quarantine = forgotten(paths, "zz").unreachable
    assert claude.startswith(f"{paths.claude_dir}: the folders in it are not looked into")
    assert quarantine.startswith(f"{paths.quarantine}: ")


@needs.LINKS
def test_a_file_that_cannot_be_read_is_named_once(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dlq(paths, [waiting(TEXT, id="zz-1")])
    paths.quarantine.mkdir(parents=True)
    for link in (paths.claude_dir / "notes.txt", paths.quarantine / "q.json"):
        link.symlink_to(link)
    (paths.claude_dir / "large.bin").write_bytes(b"x" * 5_000)
    monkeypatch.setattr("mem0tray.actions.forget._LARGEST", 4_000)
    named = forgotten(paths, "zz").unreachable
    for name in ("notes.txt", "q.json", "large.bin"):
        assert sum(name in n for n in named) == 1
