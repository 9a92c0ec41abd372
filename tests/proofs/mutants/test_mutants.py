"""The proof itself: what it changes, and whether it can tell who noticed."""

import shutil
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from tests.proofs.mutants.tree import PARTS, Outcome, Tree
from tests.support import needs
from tests.support.home import REPOSITORY

if TYPE_CHECKING:
    from tests.proofs.mutants.mutations import Mutant

SOURCE = '''\
"""A module."""

from functools import cached_property

LIMIT = 3
__all__ = ["Some"]


class Some:
    """A class."""

    @cached_property
    def few(self) -> bool | None:
        """Whether it is few."""
        return self.count > 0 and self.count < LIMIT

    def rows(self, db):
        return db.execute("SELECT a FROM t WHERE a < 3 AND b IS NULL ORDER BY a DESC")
'''
SMALL = """\
def sign(n):
    if n < 0:
        return -1
    return 1
"""
SMALL_TESTS = """\
from mem0tray.small import sign


def test_sign():
    assert sign(-5) == -1
    assert sign(5) == 1
"""


def made(path: str, text: str) -> "list[Mutant]":
    from tests.proofs.mutants.mutations import changes, mutant  # slow to load: not on collection

    return [one for each in changes(path, text) if (one := mutant(path, text, each))]


def test_each_kind_of_change_is_made() -> None:
    changes = {(one.function, one.after) for one in made("some.py", SOURCE)}
    assert {
        ("", "LIMIT = 4"),
        ("Some.few", "return self.count > 0 or self.count < LIMIT"),
        ("Some.few", "return self.count > 0 and self.count <= LIMIT"),
    } <= changes
    sql = {after for function, after in changes if function == "Some.rows"}
    for part in ("a <= 3 AND", "a < 3 OR", "IS NOT NULL", 'ORDER BY a"'):
        assert any(part in after for after in sql), part


def test_each_statement_of_a_file_of_sql_is_changed() -> None:
    text = "-- name: one\n-- Ask AND wait.\nSELECT a WHERE a = 1 AND b < 2\n"
    found = {(one.function, one.after) for one in made("q.sql", text)}
    assert found == {
        ("one", f"SELECT a WHERE {after}")
        for after in ("a = 1 OR b < 2", "a != 1 AND b < 2", "a = 1 AND b <= 2")
    }


def test_what_no_test_could_notice_is_left_alone() -> None:
    signs = ('"""', "-> bool", "@cached_property", "import", "__all__")
    assert not [one for one in made("some.py", SOURCE) for sign in signs if sign in one.before]


def test_each_room_has_its_modules_and_tests() -> None:
    from tests.proofs.mutants.__main__ import ROOMS, modules

    for room, (patterns, tests) in ROOMS.items():
        assert modules(room)
        assert [each for each in patterns if not list(REPOSITORY.glob(each))] == []
        assert [each for each in tests if not (REPOSITORY / each).exists()] == []


def test_each_mutant_without_effect_is_one_that_can_be_made_today() -> None:
    text = Path(__file__).with_name("no_effect.toml").read_text(encoding="utf-8")
    for entry in tomllib.loads(text)["mutant"]:
        lines = (REPOSITORY / entry["path"]).read_text(encoding="utf-8").splitlines()
        stripped = [line.strip() for line in lines]
        assert all(line in stripped for line in entry["before"].split("\n")), entry
        assert entry["why"].endswith(".")
        assert entry["after"] != entry["before"]


@needs.linux("it ends a group of processes")
def test_a_mutant_is_killed_or_survives(tmp_path: Path) -> None:
    project = tmp_path / "project"
    for part in PARTS:
        (project / part).parent.mkdir(parents=True, exist_ok=True)
        (project / part).mkdir() if "." not in part else (project / part).touch()
    (project / "mem0tray" / "__init__.py").touch()
    (project / "mem0tray" / "small.py").write_text(SMALL, encoding="utf-8")
    (project / "tests" / "test_small.py").write_text(SMALL_TESTS, encoding="utf-8")
    changes = {one.after: one for one in made("mem0tray/small.py", SMALL)}
    tree = Tree(project, tmp_path)
    killed = tree.tried(changes["return -2"], "small", ["tests"])
    assert (killed.outcome, killed.by) == (Outcome.KILLED, "tests/test_small.py::test_sign")
    # Neither -5 nor 5 tells a sign that is asked for 0.
    assert tree.tried(changes["if n < 1:"], "small", ["tests"]).outcome == Outcome.SURVIVED
    shutil.rmtree(project)
    assert (tree.root / "mem0tray" / "small.py").read_text(encoding="utf-8") == SMALL
