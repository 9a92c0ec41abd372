"""What holds for each way; which one fits this computer; and never two of them."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mem0tray.desktop import autostart, session
from mem0tray.desktop.autostart import (
    DESKTOP,
    DISABLED,
    ENABLED,
    SERVICE,
    STALE,
    Autostart,
    AutostartState,
    Origin,
)
from mem0tray.desktop.autostart.linux import UserService, XdgAutostart
from mem0tray.desktop.autostart.macos import LaunchAgent
from mem0tray.desktop.autostart.windows import RunKey
from mem0tray.system.paths import AT_LOGIN
from tests.desktop.programs import Programs, Registry, UserSystemd, script


@pytest.fixture(params=["desktop", "service", "macos", "windows"])
def make(
    request: pytest.FixtureRequest, tmp_path: Path, programs: Programs
) -> Callable[[Path], Autostart]:
    """Return what makes the way that starts a program, over the same files each time."""
    UserSystemd(programs)
    programs.add("launchctl")
    registry, environ = Registry(), {"DISPLAY": ":0"}
    return {
        "desktop": lambda program: XdgAutostart([str(program)], tmp_path, environ),
        "service": lambda program: UserService([str(program), "run"], tmp_path / "units"),
        "macos": lambda program: LaunchAgent([str(program)], tmp_path, 501),
        "windows": lambda program: RunKey([str(program)], registry),
    }[request.param]


def test_it_is_enabled_only_in_between_and_disabling_twice_is_no_error(
    make: Callable[[Path], Autostart], program: Path
) -> None:
    login = make(program)
    assert login.state() == AutostartState(DISABLED)
    login.enable()
    assert login.state() == AutostartState(ENABLED, login.command)
    assert not login.mend()
    login.disable()
    login.disable()
    assert login.state() == AutostartState(DISABLED)
    assert not Path(login.where).exists()


def test_a_program_that_is_gone_is_named_and_the_new_one_takes_its_place(
    make: Callable[[Path], Autostart], program: Path, tmp_path: Path
) -> None:
    login = make(program)
    login.enable()
    program.unlink()
    why = f"{program} is not there any more."
    assert login.state() == AutostartState(STALE, login.command, why)
    after = make(script(tmp_path / "new place" / "mem0tray", "exit 0"))
    assert after.mend()
    assert after.state() == AutostartState(ENABLED, after.command)
    other = make(script(tmp_path / "other" / "mem0tray", "exit 0"))
    assert not other.mend()
    assert other.state() == AutostartState(ENABLED, after.command)


def test_an_entry_that_does_not_say_that_it_is_one_is_renewed(
    tmp_path: Path, program: Path
) -> None:
    before = XdgAutostart([str(program)], tmp_path, {"DISPLAY": ":0"})
    before.enable()
    with Path(before.where).open("a") as file:
        file.write("X-GNOME-Autostart-Delay=7\n")
    now = XdgAutostart([str(program), AT_LOGIN], tmp_path, {"DISPLAY": ":0"})
    assert now.mend()
    assert now.state() == AutostartState(ENABLED, f"{program} --at-login")
    assert "X-GNOME-Autostart-Delay=7\n" in Path(now.where).read_text()
    assert not now.mend()
    other = XdgAutostart(["/bin/true", AT_LOGIN], tmp_path, {"DISPLAY": ":0"})
    assert not other.mend()


def _states() -> tuple[str, str]:
    desktop, service = autostart.chosen(DESKTOP), autostart.chosen(SERVICE)
    return desktop.state().name, service.state().name


@pytest.fixture
def manager(tmp_path: Path, programs: Programs, monkeypatch: pytest.MonkeyPatch) -> UserSystemd:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("DISPLAY", ":0")
    for name in ("SSH_CONNECTION", "WSL_DISTRO_NAME", "XDG_CURRENT_DESKTOP"):
        monkeypatch.delenv(name, raising=False)
    made = UserSystemd(programs)
    made.answer()
    return made


def test_each_takes_the_place_of_the_other_and_says_so(manager: UserSystemd) -> None:
    assert autostart.chosen(SERVICE).enable() == []
    assert (_states(), manager.runs()) == ((DISABLED, ENABLED), True)
    stopped, removed = autostart.chosen(DESKTOP).enable()
    assert (_states(), manager.runs()) == ((ENABLED, DISABLED), False)
    assert "The service was stopped" in stopped
    assert "mem0tray.service was removed" in removed
    (removed,) = autostart.chosen(SERVICE).enable()
    assert _states() == (DISABLED, ENABLED)
    assert "mem0tray.desktop was removed" in removed


def test_disabling_takes_both_away(manager: UserSystemd) -> None:
    autostart.chosen(SERVICE).enable()
    entry = autostart.chosen(DESKTOP)
    entry.rival = None
    entry.enable()
    assert _states() == (ENABLED, ENABLED)
    (told,) = autostart.current().disable()
    assert (_states(), manager.runs()) == ((DISABLED, DISABLED), False)
    assert "`mem0tray run`" in told
    assert autostart.current().disable() == []


@pytest.mark.usefixtures("manager")
def test_an_entry_that_no_desktop_reads_comes_with_the_command_for_a_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entry = autostart.chosen(DESKTOP)
    entry.enable()
    assert entry.advice() == []
    monkeypatch.setattr(session, "has_desktop", lambda _: False)
    (advice,) = entry.advice()
    assert "`mem0tray autostart enable --service`" in advice


PYTHON = "/home/u/.local/share/pipx/venvs/mem0tray/bin/python"
BESIDE = "/home/u/.local/share/pipx/venvs/mem0tray/bin/mem0tray"
LINK = "/home/u/.local/bin/mem0tray"
SCRIPTS = "C:\\venv\\Scripts\\"
EXE, PYTHONW, CONSOLE = (SCRIPTS + name for name in ("mem0trayw.exe", "pythonw.exe", "python.exe"))
ABOVE = r"C:\venv\python.exe"
MODULE = r"C:\x\__main__.py"


@pytest.mark.parametrize(
    ("argv0", "python", "there", "expected"),
    [
        (LINK, PYTHON, {LINK, BESIDE}, [LINK]),
        ("/lib/__main__.py", PYTHON, {BESIDE}, [BESIDE]),
        ("/gone/mem0tray", PYTHON, {BESIDE}, [BESIDE]),
        ("/bin/pytest", PYTHON, {"/bin/pytest"}, [PYTHON, "-m", "mem0tray"]),
        (MODULE, CONSOLE, {EXE, PYTHONW}, [EXE]),
        (MODULE, CONSOLE, {PYTHONW}, [PYTHONW, "-m", "mem0tray"]),
        (MODULE, ABOVE, set(), [ABOVE, "-m", "mem0tray"]),
        (MODULE, ABOVE, {EXE}, [EXE]),
    ],
    ids=["pipx's link", "python -m", "a name that is gone", "no script"]
    + [f"Windows: {it}" for it in ("mem0trayw", "pythonw", "neither", "Scripts beside Python")],
)
def test_the_script_by_the_name_it_was_called_or_else_the_interpreter_starts_it_without_a_console(
    argv0: str, python: str, there: set[str], expected: list[str]
) -> None:
    origin = Origin(argv0, python, windows=argv0 == MODULE, is_there=there.__contains__)
    assert [*origin.tray()] == expected


def test_what_it_names_runs(tmp_path: Path) -> None:
    words = Origin.of_this_process().tray()
    assert Path(words[0]).is_absolute()
    assert Path(words[0]).parent == Path(sys.executable).parent
    done = subprocess.run(
        [*words, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("mem0tray ")
