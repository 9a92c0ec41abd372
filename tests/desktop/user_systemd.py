"""A stand-in for the user's own systemd: a `systemctl` that knows one unit."""

from pathlib import Path

from mem0tray.desktop.autostart import linux
from tests.desktop.programs import Programs

_SYSTEMCTL = """
state="{state}"
case "$*" in
    "--user show-environment") test -e "$state/answers" ;;
    *ActiveState*) cat "$state/active" 2>/dev/null || echo inactive ;;
    *MainPID*) cat "$state/pid" 2>/dev/null || echo 0 ;;
    *" restart "*) test ! -e "$state/refuses" && echo active > "$state/active" ;;
    *" stop "*) echo inactive > "$state/active" ;;
    *" daemon-reload") ;;
    *) exit 1 ;;
esac
"""


class UserSystemd:
    """Answers once `answers` is true; `runs` says whether the unit does."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs
        self._state = programs.folder / "systemd"
        self._state.mkdir()
        programs.patch.setattr(linux, "_BOOTED", Path("/"))
        programs.add("systemctl", _SYSTEMCTL.format(state=self._state))

    def answer(self) -> None:
        (self._state / "answers").touch()

    def refuse(self) -> None:
        (self._state / "refuses").touch()

    def is_process(self, pid: int) -> None:
        (self._state / "pid").write_text(f"{pid}\n")

    def runs(self) -> bool:
        file = self._state / "active"
        return file.exists() and file.read_text() == "active\n"

    @property
    def done(self) -> list[str]:
        """What it was told to do, without what it was only asked."""
        calls = [call.removeprefix("--user ") for call in self._programs.calls("systemctl")]
        return [call for call in calls if not call.startswith("show")]
