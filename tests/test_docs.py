"""The pages of `mem0tray/docs` are true: what they name is there, and what cites them finds it."""

import ast
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

import pytest

import mem0tray
from mem0tray.cli.app import COMMANDS
from mem0tray.config import settings
from mem0tray.system.paths import Paths

PACKAGE: Final = Path(mem0tray.__file__).parent
TESTS: Final = Path(__file__).parent
DOCS: Final = PACKAGE / "docs"
SECTION: Final = re.compile(r"contract(?:,|'s| of)?\s+sections?\s+(\d)(?:\s+and\s+(\d))?")


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def section(number: int) -> str:
    return page("contract.md").split(f"\n## {number}. ")[1].split("\n## ")[0]


def sources(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def test_each_section_that_is_cited_is_in_the_contract() -> None:
    there = set(re.findall(r"^## (\d)\. ", page("contract.md"), re.MULTILINE))
    cited = {
        (path.name, number)
        for path in chain(sources(PACKAGE), sources(TESTS))
        for found in SECTION.findall(path.read_text(encoding="utf-8"))
        for number in found
        if number
    }
    assert ("item.py", "3") in cited
    assert {each for each in cited if each[1] not in there} == set()


def test_the_page_on_files_names_each_place_in_a_data_folder_and_no_other() -> None:
    cells = re.findall(r"^\| (`…/.*?) \|", page("manual/files.md"), re.MULTILINE)
    places = {place for cell in cells for place in re.findall(r"`(?:…/)?(\w.*?)/?`", cell)}
    paths = Paths(Path("/shared"), Path("/root"), Path("/data"))
    found = [getattr(paths, name) for name, each in vars(Paths).items() if hasattr(each, "__get__")]
    ours = [each for each in found if isinstance(each, Path) and each.is_relative_to("/data/")]
    beside = {
        "ledger.mark",
        "server-choice",
        "dlq-backup.sha256",
        "migrations.json",
        "no-panel-told",
    }
    assert places == {each.parts[2] for each in ours if each != paths.data_dir} | beside


def test_the_contract_has_the_commands_that_there_are() -> None:
    table = section(5).split("\n\n")[2]
    named = {
        re.split(r"[ \[]", word)[0]
        for cell in re.findall(r"^\| (.*?) \|", table, re.MULTILINE)
        for word in re.findall(r"`([a-z].*?)`", cell)
    }
    under = {"disable", "path", "get", "set", "unset"}  # config's and autostart's
    there = COMMANDS.keys() - {"help"}
    assert there <= named
    assert named - there <= under


def test_the_contract_has_the_settings_that_there_are() -> None:
    known = settings.keys()
    sections = {key.split(".")[0] for key in known}
    named = {
        key
        for key in re.findall(r"`([a-z]+\.[a-z_]+)\b", page("contract.md"))
        if key.split(".")[0] in sections
    }
    assert named == known.keys()


def calls(kind: str) -> Iterator[tuple[str, ast.Call]]:
    """Find what makes a `Thread` or a `Timer`, each with its module."""
    for path in sources(PACKAGE):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if kind in text else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == kind:
                yield path.relative_to(PACKAGE).as_posix(), node


def threads() -> Iterator[tuple[str, str]]:
    """Find the names that the program gives to its threads, and where; numbers left out."""
    for module, node in calls("Thread"):
        given = {each.arg: each.value for each in node.keywords}.get("name")
        yield (name_of(given) if given is not None else "(no name)", module)


def name_of(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join("<n>" if isinstance(each, ast.FormattedValue) else name_of(each)
                       for each in node.values)  # fmt: skip
    return str(ast.literal_eval(node))


def test_each_thread_of_the_program_is_on_the_page() -> None:
    row = re.compile(r"^\| `([a-z0-9<>-]+)` \| `([a-z_/]+\.py)`", re.MULTILINE)
    assert set(row.findall(page("threads.md"))) == set(threads())


def test_each_timer_of_the_program_is_on_the_page() -> None:
    row = re.compile(r"^\| a timer \(`Thread-<n>`\) \| `([a-z_/]+\.py)`", re.MULTILINE)
    assert set(row.findall(page("threads.md"))) == {module for module, _ in calls("Timer")}


@pytest.mark.parametrize("name", ["threads.md", "words.md"])
def test_each_module_on_a_page_is_there(name: str) -> None:
    named = re.findall(r"`(?!tests/)([a-z_/]+\.py)`", page(name))
    assert named
    assert [each for each in named if not (PACKAGE / each).is_file()] == []


def test_each_module_that_a_docstring_names_is_there() -> None:
    rooms = "|".join(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file())
    pointer = re.compile(rf"`((?:{rooms})(?:\.[a-z_]+)+)`")
    others = settings.keys()
    named = {
        (path.relative_to(PACKAGE).as_posix(), name)
        for path in sources(PACKAGE)
        if pointer.search(text := path.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        for name in pointer.findall(ast.get_docstring(node) or "")
        if name not in others and not name.endswith((".toml", ".json"))
    }
    assert ("worker/orders.py", "files.orders") in named
    assert {
        (where, name)
        for where, name in named
        if not PACKAGE.joinpath(*name.split(".")).with_suffix(".py").is_file()
    } == set()
