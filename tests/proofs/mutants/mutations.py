"""The mutants of a source file: mutmut's operators, in every place where they mean something.

Left out, because no test could tell or every import would: annotations, decorators, docstrings,
`__all__`, the first argument of `cast`, what `len` and `isinstance` are given, and a string in
lower or upper case (most are SQL, which does not mind).
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Final

import libcst as cst
from mutmut.mutation.mutators import mutation_operators, operator_string

_LEFT_ALONE: Final = frozenset({"len", "isinstance"})
_SQL: Final = re.compile(r"\b(SELECT|UPDATE|INSERT|DELETE|WHERE|AND|ORDER BY)\b")
_SQL_SWAPS: Final = (
    (" AND ", " OR "), (" OR ", " AND "), (" < ", " <= "), (" <= ", " < "), (" > ", " >= "),
    (" >= ", " > "), (" = ", " != "), (" IS NULL", " IS NOT NULL"), (" IS NOT NULL", " IS NULL"),
    (" NOT IN ", " IN "), (" IN ", " NOT IN "), ("min(", "max("), ("max(", "min("),
    (" DESC", ""), (" + 1", ""), ("OR IGNORE ", ""), ("OR REPLACE ", ""),
)  # fmt: skip
# The classes and functions around a change, with dots, and what makes the whole text, changed.
Change = tuple[str, Callable[[], str]]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of the file `path`: some lines `before` and `after`, and the whole `code`."""

    path: str  # relative to the project
    function: str
    before: str  # without indentation
    after: str
    code: str

    @property
    def name(self) -> str:
        text = f"{self.path}\0{self.function}\0{self.before}\0{self.after}"
        return hashlib.sha256(text.encode()).hexdigest()[:10]


def changes(path: str, text: str) -> list[Change]:
    if path.endswith(".sql"):
        return list(_of_statements(text))
    module, places = cst.parse_module(text), _Places()
    module.visit(places)
    return [
        (function, partial(_replaced, module, node, changed))
        for function, node, changed in places.found
    ]


def mutant(path: str, text: str, change: Change) -> Mutant | None:
    function, make = change
    if (code := make()) == text:
        return None
    old, new = text.splitlines(), code.splitlines()
    start = _same(old, new)
    end = _same(old[start:][::-1], new[start:][::-1])
    before, after = (
        "\n".join(line.strip() for line in lines[start : len(lines) - end]) for lines in (old, new)
    )
    return Mutant(path, function, before, after, code)


def _same(some: Sequence[str], others: Sequence[str]) -> int:
    pairs = zip(some, others, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _replaced(module: cst.Module, node: cst.CSTNode, changed: cst.CSTNode) -> str:
    made = module.deep_replace(node, changed)
    assert isinstance(made, cst.Module)
    return made.code


def _of_statements(text: str) -> Iterator[Change]:
    at, name = 0, ""
    for line in text.splitlines(keepends=True):
        if line.startswith("-- name: "):
            name = line.removeprefix("-- name: ").strip()
        elif not line.startswith("--"):
            for changed in _swapped(line):
                code = text[:at] + changed + text[at + len(line) :]
                yield name, partial(str, code)
        at += len(line)


class _Places(cst.CSTVisitor):
    """Where something can be changed, by the function around it, and to what."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, cst.CSTNode, cst.CSTNode]] = []
        self._names: list[str] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if _left_alone(node):
            return False
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self._names.append(node.name.value)
        self.found += ((".".join(self._names), node, changed) for changed in _changed(node))
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if isinstance(original_node, cst.FunctionDef | cst.ClassDef):
            self._names.pop()


def _left_alone(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Annotation | cst.Decorator | cst.Import | cst.ImportFrom):
        return True
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name):
        return node.func.value in _LEFT_ALONE
    if isinstance(node, cst.Assign):
        target = node.targets[0].target
        return isinstance(target, cst.Name) and target.value == "__all__"
    return isinstance(node, cst.Expr) and isinstance(node.value, cst.SimpleString)  # a docstring


def _changed(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    func = node.func if isinstance(node, cst.Call) else None
    is_cast = isinstance(func, cst.Name) and func.value == "cast"
    for kind, operator in mutation_operators:
        if isinstance(node, kind) and not is_cast:
            made: Iterable[cst.CSTNode] = operator(node)
            yield from list(made)[:1] if operator is operator_string else made
    if isinstance(node, cst.SimpleString) and _SQL.search(node.value):
        for changed in _swapped(node.value):
            yield node.with_changes(value=changed)


def _swapped(sql: str) -> Iterator[str]:
    for old, new in _SQL_SWAPS:
        for found in re.finditer(re.escape(old), sql):
            ahead = sql[: found.start()]
            if old == " = " and ahead.rfind("SET ") > ahead.rfind("WHERE "):
                continue  # what is set there is no comparison
            yield ahead + new + sql[found.end() :]
