"""The entry point: help, version, errors, and what is imported."""

import subprocess
import sys
from unittest import mock

import pytest

from mem0tray import cli
from mem0tray.cli import app
from tests.cli.scratch import Scratch
from tests.support import needs
from tests.support.imports import imported_by
from tests.support.variants import variants


def test_help_lists_every_command_without_importing_it(home: Scratch) -> None:
    script = (
        "import sys; from mem0tray.cli import main; main(['--help']);"
        "loaded = {m for m in sys.modules if m.startswith('mem0tray.cli.')};"
        "own = {'mem0tray.cli.app', 'mem0tray.cli.arguments', 'mem0tray.cli.output'};"
        "unneeded = {'rich', 'mem0tray.ledger', 'mem0tray.worker'};"
        "heavy = (loaded - own) | unneeded & set(sys.modules);"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done
    for name, (_, summary) in app.COMMANDS.items():
        assert name in done.stdout
        assert summary in done.stdout
    assert home.ok("--help") == done.stdout


def test_wrong_settings_exit_2_in_one_line(home: Scratch) -> None:
    home.configure('[sync]\ntimeout = "soon"\n')
    for command in (["status"], ["list"], ["pause"], ["serve"]):
        line = home.fails(*command, code=2)
        assert line.startswith("mem0tray: sync.timeout in ")


@pytest.mark.parametrize(
    "arguments", [["status"], ["add", "-p", "p", "x"], ["config", "set", "sync.timeout", "7"]]
)
def test_a_mistyped_variable_is_named(home: Scratch, arguments: list[str]) -> None:
    home.env(MEM0TRAY_SYNC_TIMOUT="7")
    said = home.run(*arguments).err
    assert said.count("MEM0TRAY_SYNC_TIMOUT is unknown and ignored. Did you mean") == 1


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(), 141, ""),
        (OSError(28, "No space left"), 1, "Standard output cannot be written: no space left."),
        (PermissionError(13, "Not permitted", "/a"), 1, "/a cannot be used: not permitted."),
        (BlockingIOError(11, "Try again"), 1, "Try again."),
    ],
    ids=["Ctrl-C", "broken pipe", "full disk", "another's file", "no process"],
)
def test_what_ends_a_command_early(
    home: Scratch, error: BaseException, code: int, said: str
) -> None:
    home.patch.setattr(app, "run", mock.Mock(side_effect=error))
    home.patch.setattr(cli, "_close_standard_output", lambda: None)
    done = home.run("status")
    assert done.code == code
    assert done.err == (f"mem0tray: {said}\n" if said else "")


def _in_shell(command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S602  (the shell's redirection is the point)
        f"{sys.executable} -m mem0tray {command}",
        shell=True,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


@needs.SHELL
@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("add --project p <&-", 2, "There is no text to add."),
        ("run --once >&-", 0, ""),
        ("config set server.api_key <&-", 2, "The new value of server.api_key is empty"),
    ],
)
def test_a_closed_stream_is_an_empty_one(home: Scratch, command: str, code: int, said: str) -> None:
    assert home.root
    done = _in_shell(command)
    assert done.returncode == code, done
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == bool(said)


@needs.FULL_DEVICE
@pytest.mark.parametrize("unbuffered", variants(["", "1"]), ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("command", ["list", "status --json", "--help", "run --once"])
def test_output_that_cannot_be_written_is_named(
    home: Scratch, command: str, unbuffered: str
) -> None:
    home.env(PYTHONUNBUFFERED=unbuffered)
    done = _in_shell(f"{command} >/dev/full")
    assert done.returncode == 1
    said = "Standard output cannot be written: no space left on device."
    assert done.stderr == f"mem0tray: {said}\n"


@needs.SHELL
@needs.FULL_DEVICE
@pytest.mark.parametrize("unbuffered", variants(["", "1"]), ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("command", ["add -p p x >/dev/full", "add -jp p -- x >/dev/full"])
def test_a_memory_that_is_queued_is_not_to_be_added_again(
    home: Scratch, command: str, unbuffered: str
) -> None:
    home.env(PYTHONUNBUFFERED=unbuffered)
    done = _in_shell(command)
    (entry,) = home.queued()
    assert (done.returncode, done.stdout) == (0, "")
    assert len(done.stderr.splitlines()) == 1
    assert f"The memory is queued, its id is {entry['id']}; do not add it again." in done.stderr
    assert "Standard output cannot be written: " in done.stderr


@pytest.mark.parametrize(
    ("command", "idle"),
    [
        ("add --project p x", {"hashlib", "difflib", "rich", "httpx", "sqlite3"}),
        ("status --line", {"hashlib", "socket", "queue", "click", "rich", "mem0tray.core.events"}),
        *(
            (each, {"mem0tray.core.events", "mem0tray.worker.context"})
            for each in ("status", "list", "pause")
        ),
    ],
)
def test_a_command_loads_no_module_that_it_does_not_use(
    home: Scratch, command: str, idle: set[str]
) -> None:
    home.ok("run", "--once")
    assert not (idle | {"mem0tray.localserver"}) & imported_by(*command.split())
