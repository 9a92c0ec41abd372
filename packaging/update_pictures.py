"""`packaging/update-pictures [NAME…]`: makes the pictures of README and manual anew, all or some.

Beyond what the tests need of the system it takes a browser and a font; all
together about a minute.
"""

import os
import shutil
import subprocess
import sys
from typing import Final

import desktop
import environment

FOLDER: Final = environment.ROOT / "packaging" / "pictures"
FONT: Final = "Inter"


def main() -> None:
    """See that everything is there, and let the helpers of the tests make them."""
    if not desktop.has_test_tools():
        sys.exit(1)
    missing = [] if shutil.which("chromium") else ["chromium"]
    if not _has_font():
        missing.append("fonts-inter")
    if missing:
        environment.need_system(missing, "The pictures need a browser and a font.")
    environ = environment.ensure(["dev"])
    os.chdir(environment.ROOT)
    made = [str(environment.python(environment.VENV)), "-m", "tests.pictures", str(FOLDER)]
    environment.become([*made, *sys.argv[1:]], environ)


def _has_font() -> bool:
    if shutil.which("fc-list") is None:
        return False
    found = subprocess.run(["fc-list", FONT], capture_output=True, check=False)
    return bool(found.stdout.strip())


if __name__ == "__main__":
    main()
