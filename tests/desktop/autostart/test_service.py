"""The service of the user's systemd: its unit, what systemd makes of it, and how it is mended."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mem0tray.core.errors import FileUnavailableError, Mem0TrayError
from mem0tray.desktop.autostart import (
    BLOCKED,
    DISABLED,
    ENABLED,
    STALE,
    AutostartState,
    command_line,
    systemd,
    unit,
)
from mem0tray.desktop.autostart.service import UserService
from tests.desktop import systemd_reader
from tests.desktop.autostart.test_linux import AWKWARD
from tests.desktop.programs import Programs, script
from tests.desktop.user_systemd import UserSystemd


@pytest.fixture
def manager(programs: Programs) -> UserSystemd:
    """Stand in for systemd; no manager of this user runs yet."""
    return UserSystemd(programs)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program to start."""
    return script(tmp_path / "bin" / "mem0tray", "exit 0")


@pytest.fixture
def service(tmp_path: Path, program: Path) -> UserService:
    """The service in a folder of units of its own."""
    return UserService([str(program), "run"], tmp_path / "units")


def _text(service: UserService) -> str:
    return Path(service.where).read_text(encoding="utf-8")


# The unit -------------------------------------------------------------------------------


@pytest.mark.usefixtures("manager")
@pytest.mark.parametrize("name", [*AWKWARD, "'", "50%", "back\\slash", "\udcff"])
def test_systemd_reads_the_unit_as_it_was_meant(tmp_path: Path, name: str) -> None:
    """It has nothing to say against it, and starts the program with its very words."""
    program = script(tmp_path / name / "mem0tray", "exit 0")
    service = UserService([str(program), "run", name], tmp_path / "units")
    service.enable()
    found = systemd_reader.words(Path(service.where), tmp_path)
    assert command_line.without_shell(found) == (str(program), "run", name)
    assert '\nExecStart=":/' in _text(service)  # the colon: it looks for no variables in them
    assert service.state() == AutostartState(ENABLED, service.command)


@given(st.lists(st.text(st.characters(exclude_characters="\0")), min_size=1))
def test_every_command_line_is_read_as_it_was_written(words: list[str]) -> None:
    """Quoting is undone by reading, for any words after the program."""
    text = f"[Service]\n{unit.exec_start(['/bin/x', *words])}\n"
    assert unit.program(text) == ("/bin/x", *words)


@pytest.mark.usefixtures("manager")
def test_what_the_unit_promises(service: UserService) -> None:
    """It comes back after a failure for ever, and starts with the user's manager."""
    service.enable()
    lines = _text(service).splitlines()
    assert {"Restart=on-failure", "StartLimitIntervalSec=0", "UMask=0077"} < set(lines)
    assert "WantedBy=default.target" in lines


# Enable and disable ---------------------------------------------------------------------


def test_where_a_manager_answers_it_starts_at_once(
    service: UserService, manager: UserSystemd
) -> None:
    """Enabled and started; stopped and gone when it is disabled, twice without an error."""
    manager.answer()
    service.enable()
    assert manager.runs()
    assert manager.done == ["daemon-reload", "enable --now mem0tray.service"]
    assert service.state() == AutostartState(ENABLED, service.command)
    service.disable()
    assert manager.done[-2:] == ["disable --now mem0tray.service", "daemon-reload"]
    assert service.state() == AutostartState(DISABLED)
    assert not Path(service.where).parent.exists()
    service.disable()


@pytest.mark.usefixtures("manager")
def test_a_folder_with_units_of_others_stays(service: UserService) -> None:
    """Only those in which nothing is left go with ours."""
    service.enable()
    other = Path(service.where).with_name("other.service")
    other.touch()
    service.disable()
    assert [*other.parent.iterdir()] == [other]


def test_where_none_answers_the_next_one_finds_it(
    service: UserService, manager: UserSystemd
) -> None:
    """The unit and the link of `systemctl enable` are there, and what to type is said."""
    service.enable()
    link = Path(service.where).parent / "default.target.wants" / "mem0tray.service"
    assert link.resolve() == Path(service.where)
    assert manager.done == []
    assert service.state().name == ENABLED
    assert "`systemctl --user daemon-reload && systemctl --user start" in service.advice()[0]
    service.disable()
    assert not os.path.lexists(link)


def test_one_that_runs_is_started_anew(service: UserService, manager: UserSystemd) -> None:
    """Enabling again brings the new program to a service that runs the old one."""
    manager.answer()
    service.enable()
    service.enable()
    assert manager.done[-1] == "restart mem0tray.service"


def test_no_systemd_at_all(service: UserService, programs: Programs) -> None:
    """Nothing would start it: that is an error, nothing is written, and cron is named."""
    programs.only()
    with pytest.raises(Mem0TrayError, match=r"crontab -l; echo '@reboot .*mem0tray run'") as error:
        service.enable()
    assert "neither a desktop here nor systemd" in error.value.message
    assert not Path(service.where).exists()


def test_a_manager_that_refuses_is_an_error(service: UserService, manager: UserSystemd) -> None:
    """A service that does not start is not called one that does."""
    manager.answer()
    manager.refuse()
    with pytest.raises(Mem0TrayError, match=r"systemctl --user status mem0tray\.service"):
        service.enable()


def test_a_manager_that_looks_elsewhere_is_an_error(
    service: UserService, manager: UserSystemd
) -> None:
    """With XDG_CONFIG_HOME in the shell alone the manager would never find the unit."""
    manager.answer()
    manager.look_elsewhere()
    with pytest.raises(Mem0TrayError, match="systemctl --user set-environment XDG_CONFIG_HOME="):
        service.enable()


@pytest.mark.usefixtures("manager")
def test_a_unit_that_is_masked_or_disabled(service: UserService) -> None:
    """What was switched off with systemctl is named, and `enable` takes it back."""
    path = Path(service.where)
    service.enable()
    (path.parent / "default.target.wants" / path.name).unlink()
    assert service.state() == AutostartState(
        BLOCKED, service.command, f"{path} is there, and disabled."
    )
    path.unlink()
    path.symlink_to("/dev/null")
    assert service.state() == AutostartState(BLOCKED, "", f"{path} is masked.")
    assert not service.mend()
    service.enable()
    assert service.state().name == ENABLED


# Lingering ------------------------------------------------------------------------------


def test_lingering_is_told(
    service: UserService, manager: UserSystemd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that ends with the login is named with the command that lets it run on."""
    monkeypatch.setattr(systemd, "_LINGER", tmp_path)
    monkeypatch.setenv("LOGNAME", "anna")
    manager.answer()
    service.enable()
    (advice,) = service.advice()
    assert "Lingering is off" in advice
    assert "`sudo loginctl enable-linger anna`" in advice
    (tmp_path / "anna").touch()
    assert service.advice() == []


# What is mended -------------------------------------------------------------------------


def test_a_program_that_is_gone_is_mended_in_its_line(
    service: UserService, program: Path, tmp_path: Path, manager: UserSystemd
) -> None:
    """A moved environment is stale; the user's own lines stay when it is pointed at the new one."""
    manager.answer()
    service.enable()
    path = Path(service.where)
    own = _text(service).replace("[Install]", "Environment=X=1\n[Install]")
    path.write_text(own, encoding="utf-8")
    moved = script(tmp_path / "new place" / "mem0tray", "exit 0")
    program.unlink()
    assert service.state() == AutostartState(
        STALE, service.command, f"{program} is not there any more."
    )
    after = UserService([str(moved), "run"], tmp_path / "units")
    assert after.mend()
    assert after.state() == AutostartState(ENABLED, after.command)
    assert _text(after) == own.replace(str(program), str(moved))
    assert manager.done[-1] == "daemon-reload"
    assert not after.mend()


@pytest.mark.usefixtures("manager")
@pytest.mark.parametrize(
    "text",
    ["nonsense", "[Service]\nType=simple\n", "[Service]\n# ExecStart=/bin/true\n"],
    ids=["no unit", "no program", "a comment"],
)
def test_a_unit_that_starts_nothing_is_written_anew(service: UserService, text: str) -> None:
    """It is stale, and mended by a whole new one."""
    service.enable()
    Path(service.where).write_text(text)
    assert service.state().name == STALE
    assert service.mend()
    assert service.state() == AutostartState(ENABLED, service.command)


def test_a_command_that_goes_on_in_the_next_line() -> None:
    """A user's own unit may have one; its quotes and prefixes are understood."""
    text = '[Unit]\n[Service]\nExecStart=-/bin/sh \\\n  -c "a b" 50%%\n'
    assert unit.program(text) == ("/bin/sh", "-c", "a b", "50%")


def test_a_prefix_before_the_quotes() -> None:
    """So systemd's own generators write them."""
    assert unit.program('[Service]\nExecStart=:"/a b/x" run\n') == ("/a b/x", "run")


@pytest.mark.usefixtures("manager")
def test_a_folder_in_its_place(service: UserService) -> None:
    """It is named, and neither mended nor removed."""
    path = Path(service.where)
    path.mkdir(parents=True)
    assert service.state().name == STALE
    with pytest.raises(FileUnavailableError, match=r"mem0tray\.service"):
        service.mend()
    with pytest.raises(FileUnavailableError, match=r"mem0tray\.service"):
        service.disable()
