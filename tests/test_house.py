"""What holds for the program's source as a whole."""

import ast
from collections import defaultdict
from pathlib import Path

import mem0tray

PACKAGE = Path(mem0tray.__file__).parent


def test_public_class_names_are_unique() -> None:
    homes: defaultdict[str, list[str]] = defaultdict(list)
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(file.relative_to(PACKAGE).as_posix())
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}
