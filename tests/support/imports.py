"""What a command imports, in an interpreter of its own."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

_SCRIPT: Final = """
import sys
before = set(sys.modules)
from mem0tray.cli import main
code = main(sys.argv[2:])
names = set(sys.modules) - before
import json
with open(sys.argv[1], "w") as file:
    json.dump(sorted(names), file)
sys.exit(code)
"""


def imported_by(*arguments: str) -> set[str]:
    """Carry out a command, and list the modules that it imported. AssertionError if it failed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "imported.json"
        command = [sys.executable, "-c", _SCRIPT, str(file), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        names = set(json.loads(file.read_text("utf-8")))
        assert "mem0tray.cli" in names
        return names
