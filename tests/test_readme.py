"""README.md and the manual: short, whole, and true where people copy from them."""

import re
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from mem0tray.config import config_file, settings
from mem0tray.server import AUTO, DIALECTS
from tests.support import needs, user
from tests.support.home import REPOSITORY, Home
from tests.support.shapes import dead

DOCS: Final = REPOSITORY / "mem0tray" / "docs"
MANUAL: Final = DOCS / "manual"
PAGES: Final = [
    REPOSITORY / "README.md",
    REPOSITORY / "CONTRIBUTING.md",
    *sorted(DOCS.rglob("*.md")),
]
PATHS: Final = [path.relative_to(REPOSITORY).as_posix() for path in PAGES]
LINK: Final = re.compile(r"\[[^]]*\]\(([^)\s]+)\)|src(?:set)?=\"([^\"]+)\"")


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "most"),
    [("README.md", 250), ("CONTRIBUTING.md", 150), ("mem0tray/docs/contract.md", 300)],
)
def test_what_people_read_first_stays_short(name: str, most: int) -> None:
    assert len(read(REPOSITORY / name).splitlines()) <= most


def anchors(page: str) -> Iterator[str]:
    for heading in re.findall(r"^#+ (.+)$", page, re.MULTILINE):
        kept = [
            letter
            for letter in heading.lower()
            if letter in " -_" or unicodedata.category(letter)[0] in "LN"
        ]
        yield "".join(kept).replace(" ", "-")


@pytest.mark.parametrize("path", PAGES, ids=PATHS)
def test_each_link_leads_somewhere(path: Path) -> None:
    wrong = []
    for found in LINK.findall(read(path)):
        link = found[0] or found[1]
        if link.startswith(("https:", "http:")):
            continue
        name, _, anchor = link.partition("#")
        there = path.parent / name if name else path
        is_wrong = not there.exists() or (
            anchor and there.suffix == ".md" and anchor not in anchors(read(there))
        )
        if is_wrong:
            wrong.append(link)
    assert wrong == []


def test_the_readme_leads_to_each_topic_by_its_name() -> None:
    links = dict(re.findall(r"\[([^]]+)\]\(mem0tray/docs/manual/(.+?)\.md\)", read(PAGES[0])))
    topics = {path.stem for path in MANUAL.glob("*.md")}
    assert topics <= links.keys()
    assert {links[topic] for topic in topics} == topics


def test_the_manual_has_each_setting_with_its_default() -> None:
    rows = re.findall(r"^\| `(\w+\.\w+)` \| (.+?) \|", read(MANUAL / "settings.md"), re.MULTILINE)
    defaults = {key: settings.get(settings.Settings(), key) for key in settings.keys()}  # noqa: SIM118  (a function)
    assert list(dict(rows)) == list(defaults)
    for key, shown in rows:
        value = config_file.as_toml(defaults[key]).strip('"')
        assert shown == (f"`{value}`" if value else "the system's" if key[:2] == "ui" else "none")


def test_the_settings_name_each_dialect() -> None:
    row = re.search(r"^\| `server\.dialect` \|.*$", read(MANUAL / "settings.md"), re.MULTILINE)
    assert row is not None
    assert [name for name in (AUTO, *DIALECTS) if f"`{name}`" not in row[0]] == []


@needs.SHELL
def test_count_by_project_copes_with_an_item_that_has_none(tmp_path: Path) -> None:
    without = dead("x")
    del without["project_id"]
    with Home(tmp_path / "home") as home:
        home.write_dlq([dead("a", "alpha"), without])
        found = re.search(
            r"\*\*Count by project\*\*\n\n```console\npython3 (.+?)\n```",
            read(MANUAL / "files.md"),
            re.DOTALL,
        )
        assert found is not None
        printed = user.shell(home, f"{sys.executable} {found[1]}")
    assert "'alpha': 1" in printed
    assert "'(none)': 1" in printed
