"""The service of the user's systemd: its unit, what systemd makes of it, and how it is mended."""

import os
from pathlib import Path

import pytest

from mem0tray.core.errors import Mem0TrayError
from mem0tray.desktop.autostart import BLOCKED, DISABLED, ENABLED, AutostartState, linux
from mem0tray.desktop.autostart.linux import UserService
from tests.desktop.autostart.test_xdg import NAMES
from tests.desktop.programs import Programs, UserSystemd, script, unit_words


@pytest.fixture
def manager(programs: Programs) -> UserSystemd:
    return UserSystemd(programs)


@pytest.fixture
def service(program: Path, tmp_path: Path) -> UserService:
    return UserService([str(program), "run"], tmp_path / "units")


@pytest.mark.usefixtures("manager")
@pytest.mark.parametrize("name", NAMES)
def test_systemd_reads_the_unit_as_it_was_meant(tmp_path: Path, name: str) -> None:
    program = script(tmp_path / name / "mem0tray", "exit 0")
    service = UserService([str(program), "run", name], tmp_path / "units")
    service.enable()
    found = unit_words(Path(service.where), tmp_path)
    assert found == [str(program), "run", name]
    assert service.state() == AutostartState(ENABLED, service.command)


@pytest.mark.usefixtures("manager")
def test_it_comes_back_after_a_failure_for_ever_and_starts_with_the_users_manager(
    service: UserService,
) -> None:
    service.enable()
    lines = Path(service.where).read_text(encoding="utf-8").splitlines()
    assert {"Restart=on-failure", "StartLimitIntervalSec=0", "UMask=0077"} < set(lines)
    assert "WantedBy=default.target" in lines


def test_where_a_manager_answers_it_starts_at_once(
    service: UserService, manager: UserSystemd
) -> None:
    manager.answer()
    service.enable()
    assert manager.runs()
    assert manager.done == ["daemon-reload", "restart mem0tray.service"]
    assert service.state() == AutostartState(ENABLED, service.command)
    (told,) = service.disable()
    assert "`mem0tray run`" in told
    assert manager.done[-2:] == ["stop mem0tray.service", "daemon-reload"]
    assert service.state() == AutostartState(DISABLED)
    assert not Path(service.where).parent.exists()
    assert service.disable() == []


def test_where_none_answers_the_next_one_finds_it(
    service: UserService, manager: UserSystemd
) -> None:
    service.enable()
    link = Path(service.where).parent / "default.target.wants" / "mem0tray.service"
    assert link.resolve() == Path(service.where)
    assert manager.done == []
    assert service.state().name == ENABLED
    assert "`systemctl --user daemon-reload && systemctl --user start" in service.advice()[0]
    service.disable()
    assert not os.path.lexists(link)


@pytest.mark.usefixtures("manager")
@pytest.mark.parametrize("lacks", ["its programs", "a start by it"])
def test_without_systemd_nothing_is_written_and_cron_is_named(
    service: UserService, programs: Programs, tmp_path: Path, lacks: str
) -> None:
    if lacks == "its programs":
        (programs.folder / "systemctl").unlink()
        programs.only()
    else:
        programs.patch.setattr(linux, "_BOOTED", tmp_path / "not there")
    with pytest.raises(Mem0TrayError, match=r"crontab -l; echo '@reboot .*mem0tray run'") as error:
        service.enable()
    assert "neither a desktop here nor systemd" in error.value.message
    assert not Path(service.where).exists()


def test_a_manager_that_refuses_is_an_error(service: UserService, manager: UserSystemd) -> None:
    manager.answer()
    manager.refuse()
    with pytest.raises(Mem0TrayError, match=r"systemctl --user status mem0tray\.service"):
        service.enable()


@pytest.mark.usefixtures("manager")
def test_a_unit_that_was_disabled_with_systemctl_is_named_and_enabled_again(
    service: UserService,
) -> None:
    path = Path(service.where)
    service.enable()
    (path.parent / "default.target.wants" / path.name).unlink()
    why = f"{path} is there, and disabled."
    assert service.state() == AutostartState(BLOCKED, service.command, why)
    assert not service.mend()
    service.enable()
    assert service.state().name == ENABLED
