"""Mem0's own library, as the tests have it, wants no network: neither telemetry nor a model."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import needs
from tests.support.home import REPOSITORY
from tests.support.postgres import Postgres
from tests.support.privileges import is_root

pytestmark = [pytest.mark.official, needs.LIBRARY, needs.program("unshare"), needs.program("ip")]
ALONE = ("unshare", "--net") if is_root() else ("unshare", "--user", "--map-root-user", "--net")
WITH_LOOPBACK = (*ALONE, "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
SOURCE = """
import sys
from pathlib import Path
from tests.support.official_library import close_library, open_library
lines = Path("/proc/net/dev").read_text().splitlines()[2:]
print(*(line.partition(":")[0].strip() for line in lines))
library = open_library(Path(sys.argv[1]), database=sys.argv[2])
library.add([{"role": "user", "content": "an oak"}], user_id="p", infer=False)
print(library.search("an oak", filters={"user_id": "p"})["results"][0]["memory"])
close_library(library)
"""


@pytest.mark.parametrize("kind", ["qdrant", "postgres"])
def test_it_stores_and_finds_where_there_is_only_loopback(
    tmp_path: Path, database: Postgres, kind: str
) -> None:
    where = database.connection if kind == "postgres" else ""
    done = subprocess.run(
        [*WITH_LOOPBACK, sys.executable, "-c", SOURCE, str(tmp_path), where],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["lo", "an oak"]
