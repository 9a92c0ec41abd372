"""`uninstall`: what goes, what stays and why, and what is never touched."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mem0tray.cli import uninstall
from mem0tray.desktop.autostart.linux import ApplicationEntry
from mem0tray.files.lock import COMMAND, FileLock, InstanceLock
from tests.actions.scene import holding
from tests.cli.scratch import Scratch
from tests.desktop.programs import Programs, UserSystemd
from tests.support import needs
from tests.support.forked import ForkedHome
from tests.support.home import Home
from tests.support.processes import PATIENCE
from tests.support.shapes import dead, entry
from tests.support.standin import Standin
from tests.support.variants import variants

pytestmark = needs.linux("its traces are those of Linux")


@pytest.fixture(autouse=True)
def manager(home: Scratch) -> UserSystemd:
    home.patch.setenv("XDG_CACHE_HOME", str(home.root / "cache"))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        home.patch.delenv(name, raising=False)
    programs = Programs(home.root / "programs", home.patch)
    made = UserSystemd(programs)
    made.answer()
    return made


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Use a home, which then lies aside as `kept`."""
    root = tmp_path_factory.mktemp("template") / "used"
    with Standin() as server, ForkedHome(root, server.url) as there:
        there.ok("add", "--project", "alpha", "text delivered here", env=_LOCAL)
        there.ok("run", "--until-idle", env=_LOCAL)
        server.close()
        there.ok("add", "--project", "alpha", "text that waits")
        deleted = there.ok("add", "--project", "alpha", "text deleted").strip()
        there.run("run", "--once")
        there.ok("delete", "--yes", deleted)
        there.configure("[sync]\ntimeout = 30.0\n")
    root.rename(root.with_name("kept"))
    return there


@pytest.fixture
def used(home: Scratch, template: Home) -> Iterator[Home]:
    """Copy the template to where it was used, as its data folder is named by its place."""
    kept = template.root.with_name("kept")
    shutil.rmtree(template.root, ignore_errors=True)
    # A thread that waited for a lock in vain may make the folder of the file once more.
    shutil.copytree(kept, template.root, symlinks=True, dirs_exist_ok=True)
    with ForkedHome(template.root, template.env["MEM0TRAY_SERVER_URL"]) as there:
        for name, value in there.env.items():
            if name.startswith(("HOME", "XDG")):
                home.env(**{name: value})
        yield there


_LOCAL = {"MEM0TRAY_SERVER_URL": "local", "MEM0TRAY_SERVER_LOCAL_PORT": "0"}


@pytest.mark.parametrize(
    ("way", "starter"),
    [
        ("--service", "systemd/user/mem0tray.service"),
        ("--desktop", "autostart/mem0tray.desktop"),
    ],
)
def test_it_takes_away_what_lies_outside_its_folders(
    home: Scratch, manager: UserSystemd, way: str, starter: str
) -> None:
    home.configure("nonsense")  # wrong settings are no obstacle
    home.ok("autostart", "enable", way)
    config, data = home.root / "config", home.root / "data"
    ApplicationEntry(["mem0tray"], data).put()
    places = [
        data / "applications" / "mem0tray.desktop",
        data / "icons" / "hicolor" / "48x48" / "apps" / "mem0tray.png",
        config / "fish" / "completions" / "mem0tray.fish",
    ]
    others = [
        places[0].with_name("other.desktop"),
        places[1].with_name("mem0tray.svg"),  # not made by us
    ]
    for path in (*places, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    said = home.ok("uninstall")
    start = config / starter
    assert not manager.runs()
    assert not any(path.exists() for path in (start, *places))
    assert all(other.exists() for other in others)
    for path in (start, *places):
        assert f"removed  {path}" in said
    assert "Nothing of mem0tray was found outside its own folders." in home.ok("uninstall")


def test_a_line_for_completion_is_named(home: Scratch) -> None:
    rc = home.root / ".bashrc"
    rc.write_text('eval "$(mem0tray completion bash)"\n')
    said = home.ok("uninstall")
    assert f"{rc}: a line in it asks for `mem0tray completion`: remove it." in said
    assert "completion" in rc.read_text()


def test_what_stays_is_said_with_the_reason(home: Scratch, used: Home) -> None:
    before = sorted(path.name for path in used.claude.rglob("*"))
    said = home.ok("uninstall")
    assert used.config.exists()
    assert used.ledgers()
    assert sorted(path.name for path in used.claude.rglob("*")) == before
    assert "The embedded server holds 1 memory." in said
    assert "1 memory is not delivered yet; `mem0tray run --until-idle`" in said
    assert "`mem0tray restore --list`" in said
    assert f"{used.claude}/mem0_*: other programs use them; `mem0tray uninstall --data`" in said
    assert said.splitlines()[-1].startswith("Finally, remove the program itself: `")


def test_purge_asks_first(home: Scratch, used: Home) -> None:
    home.ok("autostart", "enable")
    for answer in (b"n\n", b""):
        done = home.run("uninstall", "--purge", stdin=answer)
        assert done.code == 1
        assert "The embedded server holds 1 memory" in done.out
        assert "nothing was changed" in done.err
    assert used.ledgers()
    assert home.ok("autostart", "status").startswith("mem0tray starts at login.")


@pytest.mark.parametrize(
    "arguments", variants([pytest.param(()), pytest.param(("--yes",))]), ids=["asked", "not asked"]
)
def test_purge_removes_its_own_folders_and_no_shared_file(
    home: Scratch, used: Home, arguments: tuple[str, ...]
) -> None:
    before = {path: path.read_bytes() for path in used.claude.rglob("*") if path.is_file()}
    said = home.ok("uninstall", "--purge", *arguments, stdin=b"y\n")
    assert {path: path.read_bytes() for path in used.claude.rglob("*") if path.is_file()} == before
    assert not used.config.parent.exists()
    assert not (used.data / "mem0tray").exists()
    holds = "The embedded server holds 1 memory"
    assert said.count(holds) == 1
    assert said.index(holds) < said.index("removed  ")
    again = home.ok("uninstall", "--purge", "--yes")
    assert "Nothing of mem0tray was found" in again


THEIRS = ("mem0_hook.py", "mem0_queue.json.mine", "notes.json", "logs/other.log")


@pytest.fixture
def full(used: Home) -> list[Path]:
    """Leave every kind of shared file, and an entry that no ledger knows; the files that stay."""
    used.write_queue([*used.queue_items(), entry("text that nobody took in")])
    used.write_emergency([entry("text in need")])
    used.write_dlq([dead("text of a dead letter")])
    for name in (
        "mem0_queue_dlq.backup.json", ".mem0_queue_dlq.previous.json", "logs/mem0_worker.log.1",
        ".mem0_emergency.7.read.json", *THEIRS,
    ):  # fmt: skip
        (used.claude / name).write_text("text")
    return [used.claude / name for name in (*THEIRS, "mem0_queue.lock")]


@pytest.mark.parametrize("way", ["asked", "--data", "--data --yes", "--data --yes --json"])
def test_the_shared_files_go_by_a_word_of_their_own(
    home: Scratch, used: Home, full: list[Path], way: str
) -> None:
    home.patch.setattr("mem0tray.cli.output.can_ask", lambda: True)
    home.env(MEM0TRAY_SERVER_URL="http://127.0.0.1:9")
    options = () if way == "asked" else way.split()
    said = home.ok("uninstall", *options, stdin=b"y\ny\n")
    assert sorted(path for path in used.claude.rglob("*") if path.is_file()) == sorted(full)
    assert used.data_files() == []
    assert not used.config.exists()
    words = " ".join(said.split())
    for text in (
        "4 memories are not delivered yet", "The embedded server holds 1 memory",
        f"{used.claude}/mem0_queue.json", f"{used.claude}/mem0_*",
        "What was delivered to http://127.0.0.1:9 stays there.",
    ):  # fmt: skip
        assert text in words
    question = (
        f"dead letters, backups and log in {used.claude} for good, with 4 memories not delivered?"
    )
    assert (question in words) == ("--yes" not in way)


@pytest.mark.parametrize("way", ["asked", "--data", "--yes", "--purge --yes", "--data --json"])
def test_without_that_word_they_stay(home: Scratch, used: Home, full: list[Path], way: str) -> None:
    home.patch.setattr("mem0tray.cli.output.can_ask", lambda: True)
    before = {path: path.read_bytes() for path in used.claude.glob("mem0_*")}
    done = home.run(
        "uninstall",
        *(() if way == "asked" else way.split()),
        stdin=b"y\n\n"[way == "--data" and 2 :],
    )
    assert done.code == {"--data": 1, "--data --json": 2}.get(way, 0)
    assert {path: path.read_bytes() for path in used.claude.glob("mem0_*")} == before
    assert set(full) <= {*used.claude.rglob("*")}
    assert bool(used.ledgers()) == ("--purge" not in way)


def test_while_a_worker_runs_nothing_is_offered(home: Scratch, used: Home) -> None:
    home.patch.setattr("mem0tray.cli.output.can_ask", lambda: True)
    with holding(home.paths):
        said = home.ok("uninstall", stdin=b"y\ny\n")
        done = home.run("uninstall", "--data", "--yes")
    assert "for good" not in said
    assert "A worker still runs (process " in said
    assert done.code == 1
    assert "A worker runs (process " in done.line
    assert used.queue.exists()


def test_a_folder_of_two_names_is_emptied_once(home: Scratch, used: Home) -> None:
    link = home.root / "link"
    link.symlink_to(used.claude)
    home.env(MEM0TRAY_PATHS_CLAUDE_DIR=str(link))
    said = home.ok("uninstall", "--data", "--yes")
    assert said.count("removed  ") > said.count(f"removed  {link}/mem0_queue.json") == 1
    assert [path.name for path in used.claude.glob("mem0_*")] == ["mem0_queue.lock"]


def test_beside_a_wrong_setting_only_the_folder_that_the_good_one_names_is_emptied(
    home: Scratch,
) -> None:
    meant = home.root / "meant"
    meant.mkdir()
    (meant / "mem0_queue.json").write_text('{"queue": []}')
    others = home.write("mem0_queue.json", {"queue": []})
    home.configure(f"[paths]\nclaude_dir = {json.dumps(str(meant))}\n[sync]\ntimeout = -1\n")
    said = home.ok("uninstall", "--data", "--yes")
    assert f"removed  {meant}/mem0_queue.json" in said
    assert not (meant / "mem0_queue.json").exists()
    assert others.exists()
    assert str(others.parent) not in said


@pytest.mark.parametrize(
    "wrong",
    ["nonsense", "[paths]\nclaude_dir = 5\n", "paths = 5\n"],
    ids=["TOML", "value", "section"],
)
def test_where_the_folder_is_unknown_only_one_that_was_served_is_emptied(
    home: Scratch, used: Home, wrong: str
) -> None:
    home.env(HOME=str(home.root))  # whose folder is now that of the defaults
    others = home.write("mem0_queue.json", {"queue": []})
    used.configure(wrong)
    done = home.run("uninstall", "--data", "--yes")
    assert others.exists()
    assert not used.queue.exists()
    words = " ".join(done.out.split())
    assert "left the folder of paths.claude_dir: the settings are wrong, so" in words
    # What is wrong is said before the question, while it can still be mended.
    assert words.index(str(used.config)) < words.index("removed ")
    wanted = "mem0tray: Not everything was removed. What was left is said above."
    assert (done.code, done.line) == (1, wanted)


def test_it_says_that_the_key_of_an_unknown_server_may_stay(home: Scratch) -> None:
    unknown = "Which server is meant is unknown: its key may be in the keyring."
    home.configure("[server]\nurl = 5\n")
    assert unknown in home.ok("uninstall", "--purge", "--yes")
    assert unknown not in home.ok("uninstall", "--purge", "--yes")


def test_a_producer_is_waited_for(home: Scratch, used: Home) -> None:
    home.patch.setattr("mem0tray.actions.own_folders._PATIENCE", 0.0)
    with FileLock(used.lock).held(PATIENCE):
        done = home.run("uninstall", "--data", "--yes")
    assert done.code == 1
    assert f"Another program has held the lock {used.lock}" in done.line
    assert used.queue.exists()
    assert used.ledgers()


def test_purge_waits_for_a_command_that_writes(home: Scratch, used: Home) -> None:
    command = InstanceLock(home.paths.instance_lock, COMMAND)
    command.acquire()
    assert "A worker still runs" not in home.ok("uninstall")
    home.patch.setattr("mem0tray.files.lock.time.sleep", lambda _: command.release())
    home.ok("uninstall", "--purge", "--yes")
    assert not used.ledgers()


def test_the_worker_of_the_service_ends_with_it(
    home: Scratch, used: Home, manager: UserSystemd
) -> None:
    with holding(home.paths):
        assert "A worker still runs (process " in home.ok("uninstall")
        manager.is_process(os.getpid())
        home.ok("autostart", "enable")
        done = home.run("uninstall", "--purge", "--yes")  # this stand-in's worker goes on
    assert done.code == 1
    assert "A worker runs (process " in done.line
    assert "`kill " in done.line
    assert not manager.runs()
    assert used.ledgers()
    home.ok("uninstall", "--purge", "--yes")
    assert not used.ledgers()


def test_purge_spares_shared_files_inside_its_folders(home: Scratch) -> None:
    inside = home.root / "data" / "mem0tray" / "shared"
    inside.mkdir(parents=True)
    (inside / "mem0_queue.json").write_text("{}")
    home.env(MEM0TRAY_PATHS_CLAUDE_DIR=str(inside))
    assert str(inside) in home.fails("uninstall", "--purge", "--yes")
    assert (inside / "mem0_queue.json").exists()


def test_purge_does_not_follow_a_link(home: Scratch) -> None:
    kept = home.root / "dotfiles"
    kept.mkdir()
    (kept / "config.toml").write_text("[sync]\ntimeout = 30.0\n")
    home.config.parent.parent.mkdir()
    home.config.parent.symlink_to(kept)
    said = home.ok("uninstall", "--purge", "--yes")
    assert (kept / "config.toml").exists()
    assert not home.config.parent.is_symlink()
    words = " ".join(said.split())  # where a line is broken depends on how long the paths are
    assert f"{kept}: {home.config.parent} was a link of yours to it." in words


def test_a_script_gets_one_document(home: Scratch) -> None:
    home.ok("autostart", "enable")
    home.configure("")
    assert home.run("uninstall", "--purge", "--json").code == 2
    seen = home.run("uninstall", "--json").json()
    assert seen["removed"] == [str(home.root / "config" / "systemd" / "user" / "mem0tray.service")]
    assert [each["path"] for each in seen["left"]] == [str(home.config.parent)]
    assert seen["remove_program"]


def test_a_package_of_debian_is_removed_by_apt(home: Scratch) -> None:
    home.patch.setattr(
        uninstall, "__file__", "/usr/lib/python3/dist-packages/mem0tray/cli/uninstall.py"
    )
    assert home.run("uninstall", "--json").json()["remove_program"] == "sudo apt remove mem0tray"
