"""A stand-in for the module `winreg`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Registry:
    """As much of `winreg` as we use; keys are made by writing only."""

    HKEY_CURRENT_USER = "HKCU"
    KEY_READ = 1
    KEY_WRITE = 2
    REG_SZ = 1

    def __init__(self) -> None:
        self.keys: dict[str, dict[str, Any]] = {}
        self.locked = False

    @contextmanager
    def OpenKey(  # noqa: N802  (the module's own name)
        self, root: str, key: str, reserved: int = 0, access: int = KEY_READ
    ) -> Iterator[tuple[dict[str, Any], int]]:
        assert (root, reserved) == ("HKCU", 0)
        if key not in self.keys:
            raise FileNotFoundError(2, "The system cannot find the file specified")
        if self.locked and access == self.KEY_WRITE:
            raise PermissionError(13, "Access is denied")
        yield self.keys[key], access

    @contextmanager
    def CreateKeyEx(  # noqa: N802
        self, root: str, key: str, reserved: int, access: int
    ) -> Iterator[tuple[dict[str, Any], int]]:
        self.keys.setdefault(key, {})
        with self.OpenKey(root, key, reserved, access) as opened:
            yield opened

    def QueryValueEx(  # noqa: N802
        self, key: tuple[dict[str, Any], int], name: str
    ) -> tuple[Any, int]:
        if name not in key[0]:
            raise FileNotFoundError(2, "The system cannot find the file specified")
        return key[0][name], self.REG_SZ

    def SetValueEx(  # noqa: N802
        self, key: tuple[dict[str, Any], int], name: str, reserved: int, kind: int, value: str
    ) -> None:
        assert (key[1], reserved, kind) == (self.KEY_WRITE, 0, self.REG_SZ)
        key[0][name] = value

    def DeleteValue(self, key: tuple[dict[str, Any], int], name: str) -> None:  # noqa: N802
        assert key[1] == self.KEY_WRITE
        if name not in key[0]:
            raise FileNotFoundError(2, "The system cannot find the file specified")
        del key[0][name]
