"""The scripts beside the project, which tests import by name."""

import sys

from tests.support.home import REPOSITORY

sys.path.append(str(REPOSITORY / "packaging"))
