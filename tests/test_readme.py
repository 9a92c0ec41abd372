"""The snippets of README.md, as people copy them."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from mem0tray.server import AUTO, DIALECTS
from tests.support import needs
from tests.support.home import REPOSITORY, Home
from tests.support.shapes import dead

README = REPOSITORY / "README.md"


def test_every_dependency_is_named() -> None:
    """What `packaging/run` installs stands in the README, in the order of pyproject.toml."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    names = [re.split(r"[<>=;]", each)[0].strip() for each in project["dependencies"]]
    found = re.search(r"what mem0tray needs \((.+?)\)", README.read_text(), re.DOTALL)
    assert found is not None
    assert re.split(r",\s+", found[1]) == names


def test_the_settings_name_each_dialect() -> None:
    """The row of `server.dialect` has all that the setting takes."""
    row = re.search(r"^\| `server\.dialect` \|.*$", README.read_text("utf-8"), re.MULTILINE)
    assert row is not None
    assert [name for name in (AUTO, *DIALECTS) if f"`{name}`" not in row[0]] == []


@needs.SHELL
def test_count_by_project_copes_with_an_item_that_has_none(tmp_path: Path) -> None:
    """An item without a project is counted under "(none)" and does not end the snippet."""
    without = dead("x")
    del without["project_id"]
    with Home(tmp_path / "home") as home:
        home.write_dlq([dead("a", "alpha"), without])
    found = re.search(
        r"\*\*Count by project\*\*\n\n```console\npython3 (.+?)\n```", README.read_text(), re.DOTALL
    )
    assert found is not None
    done = subprocess.run(  # noqa: S602  (people paste it into a shell)
        f"{sys.executable} {found[1]}",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
        env=home.env,
    )
    assert done.returncode == 0, done.stderr
    assert "'alpha': 1" in done.stdout
    assert "'(none)': 1" in done.stdout
