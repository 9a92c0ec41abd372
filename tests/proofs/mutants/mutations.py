"""The mutants of one source file: mutmut's operators, in every place where they mean something.

mutmut's own runner puts all mutants of a function side by side behind a switch, and so leaves
out what is decorated and what stands outside of functions. Here each is a whole source text, so
that properties, constants and tables are changed too.

Left out, because no test could tell or every import would: annotations, decorators, docstrings,
`__all__`, the first argument of `cast`, what `len` and `isinstance` are given, and a string in
lower or upper case (most are SQL, which does not mind).
"""

import fnmatch
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators, operator_string

_LEFT_ALONE: Final = frozenset({"len", "isinstance"})
_SQL: Final = re.compile(r"\b(SELECT|UPDATE|INSERT|DELETE|WHERE|AND|ORDER BY)\b")
_SQL_SWAPS: Final = (
    (" AND ", " OR "), (" OR ", " AND "), (" < ", " <= "), (" <= ", " < "), (" > ", " >= "),
    (" >= ", " > "), (" = ", " != "), (" IS NULL", " IS NOT NULL"), (" IS NOT NULL", " IS NULL"),
    (" NOT IN ", " IN "), (" IN ", " NOT IN "), ("min(", "max("), ("max(", "min("),
    (" DESC", ""), (" + 1", ""), ("OR IGNORE ", ""), ("OR REPLACE ", ""),
)  # fmt: skip
_Node = cst.CSTNode


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one file."""

    path: str  # relative to the project
    function: str  # class and function around it, with dots; empty outside of any
    lines: range  # of the statement that is changed
    before: str  # the lines that change, without their indentation
    after: str
    code: str  # the whole file, changed

    @property
    def name(self) -> str:
        """A short name that other changes of the file do not change."""
        text = f"{self.path}\0{self.function}\0{self.before}\0{self.after}"
        return hashlib.sha256(text.encode()).hexdigest()[:10]


class Source:
    """A source file, and each change that can be made in it, numbered."""

    def __init__(self, path: str, text: str) -> None:
        self._path, self._text = path, text
        wrapper = MetadataWrapper(cst.parse_module(text))
        places = _Places()
        wrapper.visit(places)
        self._module, self._places = wrapper.module, places.found

    def __len__(self) -> int:
        return len(self._places)

    def mutant(self, number: int) -> Mutant | None:
        """The file with one change made; None when the text stays as it is."""
        place = self._places[number]
        changed = self._module.deep_replace(place.node, place.changed)
        assert isinstance(changed, cst.Module)
        code = changed.code
        if code == self._text:
            return None
        before, after = _changed_lines(self._text, code)
        return Mutant(self._path, place.function, place.lines, before, after, code)


class SqlSource:
    """A file of SQL, and each change that can be made in its statements, numbered."""

    def __init__(self, path: str, text: str) -> None:
        self._path, self._text = path, text
        self._changes: list[tuple[str, str]] = []  # the name of a query, the whole file changed
        at, name = 0, ""
        for line in text.splitlines(keepends=True):
            if line.startswith("-- name: "):
                name = line.removeprefix("-- name: ").strip()
            elif not line.startswith("--"):
                for changed in _swapped(line):
                    self._changes.append((name, text[:at] + changed + text[at + len(line) :]))
            at += len(line)

    def __len__(self) -> int:
        return len(self._changes)

    def mutant(self, number: int) -> Mutant:
        """The file with one change made."""
        name, code = self._changes[number]
        before, after = _changed_lines(self._text, code)
        return Mutant(self._path, name, range(0), before, after, code)


def source_of(path: str, text: str) -> Source | SqlSource:
    """Read a file of Python or of SQL."""
    return SqlSource(path, text) if path.endswith(".sql") else Source(path, text)


@dataclass(frozen=True, slots=True)
class _Place:
    node: _Node
    changed: _Node
    function: str
    lines: range


class _Places(cst.CSTVisitor):
    """Where something can be changed, and to what."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[_Place] = []
        self._names: list[str] = []  # of the classes and functions around
        self._statements: list[range] = [range(1, 2)]

    def on_visit(self, node: _Node) -> bool:
        """Note what can be changed here; whether to look further in."""
        if _left_alone(node):
            return False
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self._names.append(node.name.value)
        if isinstance(node, cst.SimpleStatementLine | cst.BaseCompoundStatement):
            self._statements.append(self._own_lines(node))
        for changed in _changed(node):
            function, lines = ".".join(self._names), self._statements[-1]
            self.found.append(_Place(node, changed, function, lines))
        return True

    def on_leave(self, original_node: _Node) -> None:
        """Leave a class, a function, a statement."""
        if _left_alone(original_node):
            return
        if isinstance(original_node, cst.FunctionDef | cst.ClassDef):
            self._names.pop()
        if isinstance(original_node, cst.SimpleStatementLine | cst.BaseCompoundStatement):
            self._statements.pop()

    def _own_lines(self, node: _Node) -> range:
        """The lines of a statement, without those of the statements in it."""
        where = self._range(node)
        last = where.end.line
        if isinstance(node, cst.BaseCompoundStatement):
            body = node.cases[0] if isinstance(node, cst.Match) else node.body
            last = max(where.start.line, self._range(body).start.line - 1)
        return range(where.start.line, last + 1)

    def _range(self, node: _Node) -> CodeRange:
        found = self.get_metadata(PositionProvider, node)
        assert isinstance(found, CodeRange)
        return found


def _left_alone(node: _Node) -> bool:
    if isinstance(node, cst.Annotation | cst.Decorator | cst.Import | cst.ImportFrom):
        return True
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name):
        return node.func.value in _LEFT_ALONE
    if isinstance(node, cst.Assign):
        target = node.targets[0].target
        return isinstance(target, cst.Name) and target.value == "__all__"
    return isinstance(node, cst.Expr) and isinstance(node.value, cst.SimpleString)  # a docstring


def _changed(node: _Node) -> Iterator[_Node]:
    for kind, operator in mutation_operators:
        if isinstance(node, kind):
            made: Iterable[_Node] = operator(node)
            if operator is operator_string:
                made = list(made)[:1]
            elif isinstance(node, cst.Call) and _is_cast(node):
                made = ()
            yield from made
    if isinstance(node, cst.SimpleString) and _SQL.search(node.value):
        yield from _other_sql(node)


def _is_cast(node: cst.Call) -> bool:
    return isinstance(node.func, cst.Name) and node.func.value == "cast"


def _other_sql(node: cst.SimpleString) -> Iterator[_Node]:
    for changed in _swapped(node.value):
        yield node.with_changes(value=changed)


def _swapped(sql: str) -> Iterator[str]:
    """Each comparison, conjunction and order of a statement the other way round."""
    for old, new in _SQL_SWAPS:
        for found in re.finditer(re.escape(old), sql):
            ahead = sql[: found.start()]
            if old == " = " and ahead.rfind("SET ") > ahead.rfind("WHERE "):
                continue  # what is set there is no comparison
            yield ahead + new + sql[found.end() :]


def _changed_lines(before: str, after: str) -> tuple[str, str]:
    old, new = before.splitlines(), after.splitlines()
    start = _same(old, new)
    end = _same(old[start:][::-1], new[start:][::-1])
    return _text(old[start : len(old) - end]), _text(new[start : len(new) - end])


def _same(some: list[str], others: list[str]) -> int:
    """How many lines at the beginning are the same."""
    pairs = zip(some, others, strict=False)
    return next(
        (n for n, (one, other) in enumerate(pairs) if one != other), min(len(some), len(others))
    )


def _text(lines: list[str]) -> str:
    return "\n".join(line.strip() for line in lines)


@dataclass(frozen=True, slots=True)
class Room:
    """Some modules, and the tests of theirs."""

    modules: tuple[str, ...]  # patterns, relative to the project
    tests: tuple[str, ...]  # files and folders
    left_out: tuple[str, ...] = ()  # patterns of modules


ROOMS: Final = {
    "core": Room(("mem0tray/core/**/*.py",), ("tests/core", "tests/files", "tests/worker/dlq")),
    "files": Room(("mem0tray/files/**/*.py",), ("tests/files",)),
    "config": Room(
        ("mem0tray/config/**/*.py", "mem0tray/system/*paths.py", "mem0tray/system/data_*.py"),
        ("tests/config", "tests/system", "tests/cli/test_config.py"),
    ),
    "ledger": Room(
        ("mem0tray/ledger/**/*.py", "mem0tray/ledger/queries.sql"),
        ("tests/ledger", "tests/actions"),
    ),
    "server": Room(("mem0tray/server/**/*.py",), ("tests/server", "tests/worker/sending")),
    "worker": Room(
        ("mem0tray/worker/**/*.py",),
        ("tests/worker", "tests/proofs/model/test_model.py", "tests/proofs/planted"),
    ),
}  # fmt: skip


def modules_of(room: Room, root: Path) -> list[str]:
    """The files of a room, relative to the project."""
    found = (path for pattern in room.modules for path in root.glob(pattern))
    names = sorted({path.relative_to(root).as_posix() for path in found})
    return [name for name in names if not matches(name, room.left_out)]


def suite(room: Room, root: Path) -> list[str]:
    return [name for name in room.tests if (root / name).exists()]


def mirrored(module: str) -> str:
    """The beginning of the names of a module's own test files."""
    folder, _, name = module.removeprefix("mem0tray/").removesuffix(".py").rpartition("/")
    return "/".join(filter(None, ("tests", folder, f"test_{name}")))


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a module's path, relative to the project, is named by one of the patterns."""
    return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)
