"""CONTRIBUTING.md shows the way: its table of rooms is true, and imports follow it."""

import ast
import functools
import importlib
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from operator import attrgetter
from pathlib import Path
from typing import Final

import pytest

from tests.support.home import REPOSITORY

PACKAGE: Final = REPOSITORY / "mem0tray"
TEXT: Final = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")
DOORS: Final = frozenset({"__init__", "__main__"})  # they open the house, and are no rooms
ROOM: Final = re.compile(r"^\| `mem0tray/(\w+)/` \|", re.MULTILINE)


def rooms_of(folder: Path) -> set[str]:
    modules = {path.stem for path in folder.glob("*.py")} - DOORS
    return modules | {
        path.name
        for path in folder.iterdir()
        if path.is_dir() and any(each.is_file() for each in path.rglob("[!.]*[!c]"))
    }


def table() -> list[str]:
    """Read the names of the rooms in the order of CONTRIBUTING.md."""
    return ROOM.findall(TEXT)


def modules() -> dict[str, Path]:
    return {dotted(path.relative_to(REPOSITORY).as_posix()): path for path in PACKAGE.rglob("*.py")}


def dotted(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def imported(path: Path, known: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            wanted = [(each.name, "") for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            wanted = [(node.module or "", each.name) for each in node.names]
        else:
            continue
        for module, member in wanted:
            if f"{module}.{member}" in known:
                yield f"{module}.{member}"
            elif module in known:
                yield module


@functools.cache
def arrows() -> dict[str, set[str]]:
    known = modules()
    return {name: set(imported(path, known)) - {name} for name, path in known.items()}


def circle(graph: Mapping[str, set[str]]) -> list[str]:
    """Find a way that ends where it began; empty where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as found:
        return list(found.args[1])
    return []


def between_rooms(folder: str) -> dict[str, set[str]]:
    """Tell for each room right below a package (dotted) which others of them it imports."""
    graph: defaultdict[str, set[str]] = defaultdict(set)
    for name, others in arrows().items():
        for other in others:
            if name.startswith(f"{folder}.") and other.startswith(f"{folder}."):
                here, there = (
                    each.removeprefix(f"{folder}.").split(".")[0] for each in (name, other)
                )
                if here != there:
                    graph[here].add(there)
    return graph


def test_each_path_is_there() -> None:
    named = re.findall(r"[`(]((?:mem0tray|tests|packaging|icons)/[\w./-]*)[`)]", TEXT)
    assert "mem0tray/core/due.py" in named
    assert [each for each in named if not (REPOSITORY / each).exists()] == []


def test_every_dependency_is_named() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [re.split(r"[<>=;]", each)[0].strip() for each in project["dependencies"]]
    found = re.search(r"what mem0tray needs \((.+?)\)", TEXT, re.DOTALL)
    assert found is not None
    assert re.split(r",\s+", found[1]) == list(dict.fromkeys(names))


def is_in(module: str, name: str) -> bool:
    """Whether a module has this, as `name` or `Class.name`, and has not imported it."""
    try:
        found = attrgetter(name)(importlib.import_module(module))
    except AttributeError:
        return False
    return not hasattr(found, "__qualname__") or found.__module__ == module


def test_each_name_is_where_it_is_said_to_be() -> None:
    pointers = re.findall(r"`(mem0tray/[\w/]+\.py)` \(((?:`[\w.]+`(?:, )?)+)\)", TEXT)
    assert ("mem0tray/worker/dlq/merge.py", "`merge`") in pointers
    wrong = [
        f"{module}: {name}"
        for module, names in pointers
        for name in re.findall(r"[\w.]+", names)
        if not is_in(dotted(module), name)
    ]
    assert wrong == []


def test_the_way_of_a_memory_is_one() -> None:
    way = TEXT.split("\n### The way of a memory\n")[1].split("\n## ")[0]
    steps = re.findall(r"^\d+\. `(mem0tray/[\w/]+\.py)` \(`", way, re.MULTILINE)
    names = [dotted(step) for step in steps]
    assert names[0] == "mem0tray.files.document"
    assert len(names) == len(re.findall(r"^\d+\. ", way, re.MULTILINE)) > 1
    graph = arrows()
    apart = [
        name
        for number, name in enumerate(names)
        if number and not any(name in graph[each] or each in graph[name] for each in names[:number])
    ]
    assert apart == []


def test_only_databases_speak_sql() -> None:
    homes = {
        path.relative_to(PACKAGE).as_posix()
        for path in modules().values()
        if "execute" in (text := path.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and re.match("execute(many|script)?$", node.attr)
    }
    assert {home.split("/")[0] for home in homes} == {"ledger", "localserver"}
    assert homes - {home for home in homes if home.startswith("ledger/")} == {
        "localserver/store.py", "localserver/word_index.py",
    }  # fmt: skip


def test_the_table_names_every_room() -> None:
    assert sorted(table()) == sorted(rooms_of(PACKAGE))


def test_imports_point_up_in_the_table() -> None:
    """The face, `mem0tray/__init__.py`, is for other programs: none of our modules imports it."""
    place = {room: number for number, room in enumerate(table())}
    wrong = []
    for name, others in arrows().items():
        room = name.split(".")[1] if "." in name else ""
        for other in others:
            there = other.split(".")[1] if "." in other else ""
            if not there or (room in place and place[there] > place[room]):
                wrong.append(f"{name} imports {other}")
    assert wrong == []


def test_no_module_imports_itself_over_others() -> None:
    """Imports make no circle, those within functions and for types included.

    A package may choose among its own modules, which know the interface in it.
    """
    graph = {
        name: {other for other in others if not other.startswith(f"{name}.")}
        for name, others in arrows().items()
    }
    assert circle(graph) == []


@pytest.mark.parametrize(
    ("folder", "most"), [("mem0tray", 17), ("mem0tray.worker", 13), ("mem0tray.desktop", 13)]
)
def test_a_house_has_few_rooms_and_no_circle(folder: str, most: int) -> None:
    assert len(rooms_of(REPOSITORY.joinpath(*folder.split(".")))) <= most
    assert circle(between_rooms(folder)) == []
