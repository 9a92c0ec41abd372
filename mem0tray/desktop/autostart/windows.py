"""Windows: a value of the user's Run key, which Task Manager and Settings can turn off."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from mem0tray.core import reasons
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.reasons import Reason
from mem0tray.desktop.autostart import Autostart
from mem0tray.system.paths import APP

RUN: Final = r"Software\Microsoft\Windows\CurrentVersion\Run"
APPROVED: Final = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"
_WORD: Final = re.compile(r'"([^"]*)"|(\S+)')
_TURNED_OFF: Final = "It is turned off in Task Manager or Settings (Startup)."


class RunKey(Autostart):
    """One value of the registry, whose name only we use; `winreg` is the module of that name."""

    def __init__(self, words: Sequence[str], winreg: Any) -> None:
        super().__init__(words, rf"HKEY_CURRENT_USER\{RUN}\{APP}")
        self._winreg = winreg

    def _line(self, words: Sequence[str]) -> str:
        return subprocess.list2cmdline(words)

    def _data(self) -> bytes | None:
        line = self._value(RUN)
        return None if line is None else str(line).encode("utf-8", "surrogatepass")

    def _read(self, data: bytes) -> tuple[Sequence[str], str]:
        flags = self._value(APPROVED)
        # The first byte is even when it is on (2, 6), odd when it is off (3, 7).
        off = isinstance(flags, bytes) and bool(flags) and flags[0] % 2 == 1
        words = _WORD.findall(data.decode("utf-8", "surrogatepass"))
        return [quoted or bare for quoted, bare in words], _TURNED_OFF if off else ""

    def _value(self, key: str) -> Any:
        try:
            with self._winreg.OpenKey(self._winreg.HKEY_CURRENT_USER, key) as opened:
                return self._winreg.QueryValueEx(opened, APP)[0]
        except OSError:
            return None

    def _set_up(self) -> None:
        self._write()
        self._delete(APPROVED)  # else it stays turned off

    def _write(self) -> None:
        with self._changing(RUN) as key:
            self._winreg.SetValueEx(key, APP, 0, self._winreg.REG_SZ, self.command)

    def _remove(self) -> list[str]:
        self._delete(RUN)
        self._delete(APPROVED)
        return []

    def _delete(self, name: str) -> None:
        with self._changing(name) as key, suppress(FileNotFoundError):
            self._winreg.DeleteValue(key, APP)

    @contextmanager
    def _changing(self, name: str) -> Iterator[Any]:
        root, access = self._winreg.HKEY_CURRENT_USER, self._winreg.KEY_WRITE
        try:
            with self._winreg.CreateKeyEx(root, name, 0, access) as key:
                yield key
        except OSError as error:
            path, why = rf"HKEY_CURRENT_USER\{name}", reasons.of_system(error)
            raise Mem0TrayError(
                Reason("{path} cannot be changed: {why}.", path=path, why=why),
                Reason("Ask who administers this computer."),
            ) from error
