"""Stand-ins for programs of the system: shell scripts that come first on PATH."""

import os
import re
import subprocess
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final

import pytest

from mem0tray.desktop.autostart import linux
from tests.support.machine import tool


def script(path: Path, body: str, interpreter: str = "/bin/sh") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{interpreter}\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


class Programs:
    """A folder of stand-ins; each writes the words it was called with, one call a line."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.patch = monkeypatch
        folder.mkdir()
        monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    def add(self, name: str, body: str = "") -> None:
        """Stand in for `name`; `body` runs in the shell after the call is written down."""
        script(self.folder / name, f'echo "$@" >> "{self.folder / name}.calls"\n{body}')

    def calls(self, name: str) -> list[str]:
        file = self.folder / f"{name}.calls"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def only(self) -> None:
        self.patch.setenv("PATH", str(self.folder))


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
        calls = [call.removeprefix("--user ") for call in self._programs.calls("systemctl")]
        return [call for call in calls if not call.startswith("show")]


_WORD: Final = re.compile(r'"((?:[^"\\]|\\.)*)"|([^\s"]+)')
_ESCAPE: Final = re.compile(r"\\(?:([0-7]{3})|x([0-9a-f]{2})|(.))")
_NAMED: Final = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))
_LINE: Final = "Command Line: "
_ABOUT_US: Final = "we are running with legacy cgroups v1"  # so it is without /sys, as in a chroot


def unit_words(unit: Path, folder: Path) -> list[str]:
    """The words that it starts; AssertionError with what systemd has to say against the unit."""
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700, exist_ok=True)
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_RUNTIME_DIR": str(runtime)}
    verify = [tool("systemd-analyze"), "--user", "--man=no", "verify", str(unit)]
    done = subprocess.run(verify, env=environ, capture_output=True, text=True, check=False)
    said = [line for line in (done.stdout + done.stderr).splitlines() if _ABOUT_US not in line]
    assert (done.returncode, said) == (0, []), f"systemd-analyze: {done.returncode}, {said}"
    environ["SYSTEMD_LOG_LEVEL"] = "debug"  # it tells what it has read
    told = subprocess.run(verify, env=environ, capture_output=True, check=True)
    lines = (told.stdout + told.stderr).decode("utf-8", "surrogateescape").split("\n")
    (line,) = [text.partition(_LINE)[2] for text in lines if _LINE in text]
    return [_ESCAPE.sub(_unescaped, quoted) or plain for quoted, plain in _WORD.findall(line)]


def _unescaped(found: re.Match[str]) -> str:
    octal, hexadecimal, sign = found.groups()
    if octal or hexadecimal:
        byte = int(octal, 8) if octal else int(hexadecimal, 16)
        return bytes([byte]).decode("utf-8", "surrogateescape")
    return _NAMED.get(sign, sign)


class Registry:
    """As much of `winreg` as we use; keys are made by writing only."""

    HKEY_CURRENT_USER = "HKCU"
    KEY_WRITE = 2
    REG_SZ = 1

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, Any]] = {}
        self.locked = False

    def OpenKey(self, root: str, key: str) -> AbstractContextManager[dict[str, Any]]:  # noqa: N802  (the module's own name)
        assert root == self.HKEY_CURRENT_USER
        return nullcontext(_there(self.keys, key))

    def CreateKeyEx(  # noqa: N802
        self, root: str, key: str, reserved: int, access: int
    ) -> AbstractContextManager[dict[str, Any]]:
        assert (root, reserved, access) == (self.HKEY_CURRENT_USER, 0, self.KEY_WRITE)
        if self.locked:
            raise PermissionError(13, "Access is denied")
        return nullcontext(self.keys.setdefault(key, {}))

    def QueryValueEx(self, key: dict[str, Any], name: str) -> tuple[Any, int]:  # noqa: N802
        return _there(key, name), self.REG_SZ

    def SetValueEx(  # noqa: N802
        self, key: dict[str, Any], name: str, reserved: int, kind: int, value: str
    ) -> None:
        assert (reserved, kind) == (0, self.REG_SZ)
        key[name] = value

    def DeleteValue(self, key: dict[str, Any], name: str) -> None:  # noqa: N802
        _there(key, name)
        del key[name]


def _there(values: dict[str, Any], name: str) -> Any:
    if name not in values:
        raise FileNotFoundError(2, "The system cannot find the file specified")
    return values[name]


class Osascript:
    """Stands in for `osascript`: it notes the script, and the words of all calls."""

    def __init__(self, folder: Path) -> None:
        self._script, self._words = folder / "osascript.script", folder / "osascript.words"
        body = f"cat > '{self._script}'; printf '%s\\0' \"$@\" >> '{self._words}'"
        self.program = script(folder / "program", body)

    @property
    def words(self) -> list[str]:
        return self._words.read_bytes().decode().split("\0")[:-1]

    @property
    def source(self) -> str:
        return self._script.read_text(encoding="ascii")
