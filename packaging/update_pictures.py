"""`packaging/update pictures [NAME…]`: makes the pictures of README and manual anew, all or some.

Beyond what the tests need of the system it takes a font; all together about a minute.
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
    if not shutil.which("fc-list") or not subprocess.check_output(["fc-list", FONT]).strip():
        environment.need_system(["fonts-inter"], "The pictures need a font.")
    environ = environment.ensure(["dev"])
    os.chdir(environment.ROOT)
    made = [str(environment.python(environment.VENV)), "-m", "tests.pictures", str(FOLDER)]
    environment.become([*made, *sys.argv[1:]], environ)


if __name__ == "__main__":
    main()
