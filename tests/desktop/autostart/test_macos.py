"""The LaunchAgent: what launchd and the user's settings make of it, with a stand-in."""

import plistlib
from pathlib import Path
from typing import Final

import pytest

from mem0tray.desktop.autostart import BLOCKED, ENABLED, STALE, AutostartState
from mem0tray.desktop.autostart.macos import LaunchAgent
from mem0tray.desktop.session import BUNDLE
from tests.desktop.programs import Programs, script


@pytest.fixture
def login(tmp_path: Path, programs: Programs) -> LaunchAgent:
    programs.add("launchctl")
    program = script(tmp_path / "with space" / "mem0tray", "exit 0")
    return LaunchAgent([str(program), "-m", "mem0tray"], tmp_path, 501)


def test_launchd_would_load_the_file_and_show_its_icon(login: LaunchAgent, tmp_path: Path) -> None:
    login.enable()
    assert plistlib.loads(Path(login.where).read_bytes()) == {
        "Label": "mem0tray",
        "ProgramArguments": [f"{tmp_path}/with space/mem0tray", "-m", "mem0tray"],
        "RunAtLoad": True,
        "ProcessType": "Interactive",
        "LimitLoadToSessionType": "Aqua",
        "KeepAlive": {"Crashed": True},
        "StandardErrorPath": f"{tmp_path}/Library/Logs/mem0tray.log",
        "AssociatedBundleIdentifiers": [BUNDLE],
    }
    assert Path(login.where).stat().st_mode & 0o077 == 0  # else launchd would refuse it


def test_what_a_crash_has_said_goes_with_the_agent(login: LaunchAgent, tmp_path: Path) -> None:
    said = tmp_path / "Library" / "Logs" / "mem0tray.log"
    login.enable()
    said.parent.mkdir()
    said.write_text("Segmentation fault", encoding="utf-8")
    assert login.disable() == []
    assert (said.exists(), said.parent.exists()) == (False, True)


def test_no_second_tray_is_started_and_ours_is_not_ended(
    login: LaunchAgent, programs: Programs
) -> None:
    login.enable()
    login.mend()
    login.disable()
    calls = programs.calls("launchctl")
    assert calls[0] == "enable gui/501/mem0tray"
    assert {call.split()[0] for call in calls} == {"enable", "print-disabled"}


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ('"mem0tray" => disabled', BLOCKED),
        ('"mem0tray" => true', BLOCKED),  # before macOS 13
        ('"x.mem0tray" => disabled "mem0tray" => enabled', ENABLED),
    ],
)
def test_what_the_user_turned_off_is_shown_and_not_mended(
    login: LaunchAgent, programs: Programs, said: str, state: str
) -> None:
    programs.add("launchctl", f"echo 'disabled services = {{ {said} }}'")
    login.enable()
    assert (login.state().name, login.state().starts) == (state, login.command)
    assert ("System Settings" in login.state().reason) == (state == BLOCKED)
    assert not login.mend()


WORDLESS: Final = [plistlib.dumps({"ProgramArguments": words}) for words in ([], [1], "mem0tray")]


@pytest.mark.parametrize("data", [b"", b"bplist00", b"<plist><true/></plist>", *WORDLESS])
def test_an_agent_that_starts_nothing_is_mended(login: LaunchAgent, data: bytes) -> None:
    login.enable()
    Path(login.where).write_bytes(data)
    assert (login.state().name, bool(login.state().reason)) == (STALE, True)
    assert login.mend()
    assert login.state() == AutostartState(ENABLED, login.command)
