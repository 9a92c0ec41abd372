"""`mem0tray setup`: by options, and by a person at a terminal."""

import codecs
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mem0tray.desktop import session
from tests.support import needs, terminal
from tests.support.fixtures import bare_home, server
from tests.support.home import COMMAND, Home
from tests.support.http1 import Answer
from tests.support.processes import LONGEST
from tests.support.shapes import entry
from tests.support.standin import Standin

__all__ = ["bare_home", "server"]

KEY = "sesame-3c1f"
LOGIN = "--no-autostart"
END = "\x04"  # Ctrl-D
INTERRUPT = "\x03"  # Ctrl-C
REST = "What was answered before is set; type `mem0tray setup` again for the rest."


@pytest.fixture
def home(bare_home: Home) -> Home:
    bare_home.env["PATH"] = str(Path(sys.executable).parent)
    bare_home.env["DISPLAY"] = ":0"
    bare_home.env["XDG_CONFIG_DIRS"] = str(bare_home.root / "xdg")
    return bare_home


def settings(home: Home) -> dict[str, Any]:
    return tomllib.loads(home.config.read_text("utf-8")) if home.config.exists() else {}


def everything(home: Home) -> dict[str, bytes]:
    folders = (home.root / "config", home.claude)
    found = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {
        str(path): path.read_bytes()
        for path in found
        if not path.name.startswith(("mem0_", ".mem"))
    }


def talk(home: Home, answers: Sequence[tuple[str, str]], *options: str) -> tuple[int, str]:
    import termios

    ours, theirs = terminal.opened()
    process = subprocess.Popen(
        [*COMMAND, "setup", *options],
        env={**home.env, "TERM": "xterm", "NO_COLOR": "1"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown, since = "", 0
    decoder = codecs.getincrementaldecoder("utf-8")()
    left = list(answers)
    try:
        while True:
            try:
                data = os.read(ours, 4096)
            except OSError:  # the other end is closed
                data = b""
            if not data:
                break
            shown += decoder.decode(data)
            if left and left[0][0] in shown[since:] and shown.endswith((": ", "]: ")):
                since = len(shown)
                answer = left.pop(0)[1]
                if answer == INTERRUPT:
                    process.send_signal(signal.SIGINT)
                    # Python may not have begun to read: then it heeds the signal after a line.
                    unseen = termios.tcgetattr(ours)
                    unseen[3] &= ~termios.ECHO
                    termios.tcsetattr(ours, termios.TCSANOW, unseen)
                    os.write(ours, b"\n")
                else:
                    os.write(ours, f"{answer}\n".encode() if answer != END else END.encode())
        code = process.wait(LONGEST)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert left == [], shown
    return code, shown.replace("\r\n", "\n")


def test_options_set_up_a_server_and_a_key(home: Home, server: Standin) -> None:
    server.api_key = KEY
    said = home.ok("setup", "--server", server.url, "--key-from", "-", stdin=f"{KEY}\n")
    assert settings(home) == {"server": {"url": server.url, "api_key": KEY}}
    assert f"{server.netloc} takes the API key." in said
    for word in ("Saved", "Delivered", "Recalled"):
        assert f" {word}: " in said
    assert KEY not in said
    ((project, text),) = server.stored
    assert project == "mem0tray"
    assert "this memory has reached the server" in text
    assert home.queue_items() == []


def test_the_worker_that_runs_delivers(home: Home, server: Standin) -> None:
    home.configure(f'[server]\nurl = "{server.url}"\n')
    worker = home.worker()
    assert "Delivered" in home.ok("setup", "--yes", LOGIN)
    assert worker.alive
    assert home.read(home.metrics)["pid"] == worker.pid


def test_setups_before_a_server_that_is_down_leave_one_memory(home: Home, server: Standin) -> None:
    server.health = Answer(503)
    for _ in range(2):
        done = home.run("setup", "--server", server.url, LOGIN)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith("mem0tray: The memory is saved and waits: ")
    assert len(home.queue_items()) == 1
    assert settings(home)["server"]["url"] == server.url
    server.health = Answer(body={"status": "ok"})
    assert "Recalled" in home.ok("setup", "--server", server.url, LOGIN)
    again = home.ok("setup", "--server", server.url, LOGIN)
    assert "Recalled: the memory that an earlier `mem0tray setup` saved there." in again
    assert len(server.stored) == 1


@needs.linux("elsewhere there is always a way to start at login")
def test_where_nothing_can_start_it_at_login_nothing_fails(home: Home) -> None:
    if session.has_desktop({}):
        pytest.skip("this computer shows a login screen")
    del home.env["DISPLAY"]
    said = home.ok("setup", "--yes", "--no-memory")
    assert "Nothing can start mem0tray at login here: there is no desktop, and no systemd." in said
    done = home.run("setup", "--autostart", "--no-memory")
    assert (done.returncode, "cron" in done.stderr) == (1, True)


def test_a_queue_of_others_needs_a_server(home: Home) -> None:
    home.write_queue([entry("theirs")])
    done = home.run("setup", "--yes")
    assert done.returncode == 2
    assert "--server ADDRESS" in done.stderr
    assert settings(home) == {}
    assert len(home.queue_items()) == 1


def test_a_former_key_does_not_go_to_the_new_server(home: Home, server: Standin) -> None:
    server.api_key = KEY
    home.configure('[server]\nurl = "http://127.0.0.1:9"\napi_key = "former"\n')
    given = ("--server", server.url, "--key-from", "-", "--no-memory")
    done = home.run("setup", *given, stdin=f"{KEY}\n")
    said = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert server.requests
    assert not [each for each in server.requests if "former" in str(each.headers)]
    assert settings(home) == {"server": {"url": server.url, "api_key": KEY}}
    assert len(said) == len(set(said))
    assert f"{server.netloc} takes the API key." in said


def test_what_fails_does_not_keep_the_rest_from_being_set_up(home: Home, server: Standin) -> None:
    broken = home.claude / "settings.json"
    broken.write_text('{"hooks": [', encoding="utf-8")
    done = home.run("setup", "--server", server.url, "--claude-code", LOGIN)
    assert done.returncode == 1
    assert "Claude Code failed" in done.stderr.splitlines()[-1]
    assert "Recalled" in done.stdout
    assert broken.read_text("utf-8") == '{"hooks": ['


@needs.SHELL
@needs.linux("the start at login is no file there")
def test_a_person_answers_and_again_with_enter(home: Home, server: Standin) -> None:
    server.api_key = KEY
    (home.claude / "settings.json").write_text("{}", encoding="utf-8")
    code, said = talk(
        home,
        [
            ("Server: ", server.url),
            ("API key", KEY),
            ("Connect Claude Code", ""),
            ("without asking", ""),
            ("when you log in", ""),
            ("Take in the notes", ""),
        ],
    )
    assert code == 0, said
    assert "Recalled" in said
    assert KEY not in said
    assert settings(home) == {"server": {"url": server.url, "api_key": KEY}}
    assert (home.root / "config" / "autostart" / "mem0tray.desktop").exists()
    before = everything(home)
    code, said = talk(
        home, [("Server: ", ""), ("API key", ""), ("Take in the notes", "")], "--no-memory"
    )
    assert code == 0, said
    assert f"[{server.url}]" in said
    assert "Claude Code is connected." in said
    assert "starts at login" in said
    assert everything(home) == before


@pytest.mark.parametrize(
    ("options", "connected"),
    [
        (("--yes",), {"claude-code", "codex"}),
        (("--yes", "--no-claude-code"), {"codex"}),
        (("--agent", "cursor"), {"cursor"}),
        (("--agent", "cursor", "--claude-code"), {"cursor", "claude-code"}),
    ],
)
def test_the_agents_that_are_here_or_named_are_connected(
    home: Home, options: tuple[str, ...], connected: set[str]
) -> None:
    (home.claude / "settings.json").write_text("{}", encoding="utf-8")
    for folder in (".codex", ".cursor")[: 1 + ("--agent" in options)]:
        (home.root / folder).mkdir()
        (home.root / folder / "state").touch()
    home.ok("setup", *options, LOGIN, "--no-memory")
    for name, file in {
        "claude-code": ".claude.json",
        "codex": ".codex/config.toml",
        "cursor": ".cursor/mcp.json",
    }.items():
        path = home.root / file
        assert (path.exists() and "mem0tray" in path.read_text("utf-8")) == (name in connected)


def test_an_agent_that_a_later_setup_leaves_out_is_named(home: Home) -> None:
    home.ok("setup", "--yes", LOGIN, "--no-claude-code")
    (home.root / ".cursor").mkdir()
    (home.root / ".cursor/state").touch()
    said = home.ok("setup", "--yes", LOGIN, "--no-memory")
    assert "Cursor is left as it is: `mem0tray install cursor` connects it." in said


def test_notes_are_taken_in_only_where_that_is_said(home: Home) -> None:
    (home.claude / "settings.json").write_text("{}", encoding="utf-8")
    rest = ("--no-memory", "--no-claude-code", LOGIN)
    home.ok("setup", "--yes", *rest)
    assert settings(home) == {}
    assert "are taken in" in home.ok("setup", "--auto-memory", *rest)
    assert settings(home)["claude"]["auto_memory"] is True
    assert "are taken in" in home.ok("setup", "--yes", *rest)
    assert "are not taken in" in home.ok("setup", "--no-auto-memory", *rest)
    assert settings(home)["claude"]["auto_memory"] is False


@pytest.mark.parametrize("options", [("--server", "local"), ("--yes",)])
def test_this_computer_stays_the_choice_when_others_begin_the_files(
    home: Home, options: tuple[str, ...]
) -> None:
    home.ok("setup", *options, "--no-claude-code", LOGIN, "--no-memory")
    home.write_queue([entry("made by another program")])
    home.drained()
    assert home.queue_items() == []


@needs.SHELL
@needs.linux("the start at login is no file there")
@pytest.mark.parametrize(
    ("answered", "end", "ended", "told"),
    [
        (0, END, 1, "Setup ended at a question."),
        (4, END, 1, "Setup ended at a question."),
        (4, INTERRUPT, 130, "Setup was interrupted."),
    ],
)
def test_what_was_answered_before_an_end_is_kept(
    home: Home, server: Standin, answered: int, end: str, ended: int, told: str
) -> None:
    server.api_key = KEY
    (home.claude / "settings.json").write_text("{}", encoding="utf-8")
    before = everything(home)
    answers = [
        ("Server: ", server.url),
        ("API key", KEY),
        ("Connect Claude Code", "y"),
        ("without asking", "y"),
        ("when you log in", "y"),
    ]
    answers[answered:] = [(answers[answered][0], end)]
    code, said = talk(home, answers)
    assert code == ended
    assert said.splitlines()[-1] == f"mem0tray: {told} {REST}"
    assert (everything(home) == before) == (answered == 0)
    assert settings(home).get("server", {}).get("url") == (server.url if answered else None)
    assert not home.queue.exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "take the defaults with --yes"),
        (("--server", "", "--yes"), "--server is empty."),
        (("--yes", "--key-from", os.devnull), f"cannot be read from {os.devnull}: it is empty;"),
    ],
)
def test_an_error_of_usage_changes_nothing(home: Home, options: tuple[str, ...], told: str) -> None:
    done = home.run("setup", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert everything(home) == {}
    assert not home.queue.exists()


@needs.SHELL
@pytest.mark.parametrize("second", [KEY, ""], ids=["corrected", "kept"])
def test_a_person_corrects_an_address_and_a_refused_key(
    home: Home, server: Standin, second: str
) -> None:
    server.api_key = KEY
    addresses = ("ftp://nowhere", "http://127.0.0.1:9", server.url)
    asked = [*(("Server: ", each) for each in addresses), ("API key", "wrong"), ("API key", second)]
    code, said = talk(home, [*asked, ("when you log in", "n")], "--no-memory")
    assert code == (0 if second else 1), said
    assert f"{server.netloc} refuses the API key" in said
    assert "Enter keeps this address all the same; or type another." in said
    assert "Enter keeps this key all the same; or type another." in said
    assert settings(home) == {"server": {"url": server.url, "api_key": second or "wrong"}}


@needs.SHELL
def test_an_address_that_does_not_answer_is_not_set_before_it_is_confirmed(home: Home) -> None:
    wrong = ("Server: ", "http://127.0.0.1:9")
    code, said = talk(home, [wrong, ("Server: ", INTERRUPT)])
    assert (code, "or type another" in said) == (130, True)
    assert settings(home) == {}
    code, said = talk(home, [wrong, ("Server: ", ""), ("API key", INTERRUPT)])
    assert (code, settings(home)) == (130, {})
    answers = [wrong, ("Server: ", ""), ("API key", ""), ("when you log in", "n")]
    assert talk(home, answers, "--no-memory")[0] == 1
    assert settings(home) == {"server": {"url": wrong[1]}}


@needs.SHELL
def test_a_server_of_ones_own_making_is_asked_for_and_an_option_names_it(
    home: Home, server: Standin
) -> None:
    server.health, server.can_be_asked = Answer(body={"status": "ok"}), False
    answers = [("Server: ", server.url), ("of your own making", "y")]
    code, said = talk(home, [*answers, ("API key", ""), ("when you log in", "n")], "--no-memory")
    assert code == 0, said
    own = {"server": {"url": server.url, "dialect": "vps"}}
    assert settings(home) == own
    assert said.count("No Mem0 server was recognised") == 1
    assert "has no way to show what it has" in said
    home.ok("setup", "--server", "local", LOGIN, "--no-memory")
    assert settings(home) == {"server": {"url": "local"}}
    home.ok("setup", "--server", server.url, "--dialect", "vps", LOGIN, "--no-memory")
    assert settings(home) == own


def test_without_a_memory_the_server_test_decides(home: Home, server: Standin) -> None:
    healthy, server.health = server.health, Answer(503)
    given = ("--server", server.url, LOGIN, "--no-memory")
    done = home.run("setup", *given)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "mem0tray: Not everything is set up: the server test failed."
        " What to do is said above; then type `mem0tray setup` again."
    )
    assert settings(home)["server"]["url"] == server.url
    assert home.run("setup", "--yes", LOGIN, "--no-memory").returncode == 1
    server.health = healthy
    server.api_key = KEY
    assert home.run("setup", *given).returncode == 1
    home.ok("setup", *given, "--key-from", "-", stdin=f"{KEY}\n")
