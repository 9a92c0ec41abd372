"""A keyring of the tests' own: a file; a FIFO in its place is a keyring that hangs."""

import json
import os
from pathlib import Path
from typing import Any

from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

VARIABLE = "MEM0TRAY_TESTS_KEYRING"  # the file
LOCKED = "locked"  # what stands in the file of one that is locked


class KeyringOfTests(KeyringBackend):
    """Keeps service, user name and password in the file."""

    priority: Any = 1

    def get_password(self, service: str, username: str) -> str | None:
        found = self._read().get(f"{service} {username}")
        return None if found is None else str(found)

    def set_password(self, service: str, username: str, password: str) -> None:
        self._write({**self._read(), f"{service} {username}": password})

    def delete_password(self, service: str, username: str) -> None:
        kept = self._read()
        del kept[f"{service} {username}"]
        self._write(kept)

    def _read(self) -> dict[str, Any]:
        file = Path(os.environ[VARIABLE])
        text = file.read_text("utf-8") if file.exists() else "{}"
        if text == LOCKED:
            raise KeyringLocked(text)
        found: dict[str, Any] = json.loads(text)
        return found

    @staticmethod
    def _write(kept: dict[str, Any]) -> None:
        Path(os.environ[VARIABLE]).write_text(json.dumps(kept), "utf-8")
