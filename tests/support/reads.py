"""How often files are read whole."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mem0tray.files import atomic


def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    times: Counter[str] = Counter()
    real = atomic.read

    def read(path: Path, *rest: Any, **named: Any) -> Any:
        times[path.name] += 1
        return real(path, *rest, **named)

    monkeypatch.setattr(atomic, "read", read)
    return times
