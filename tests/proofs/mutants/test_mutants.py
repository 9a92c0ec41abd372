"""The proof itself: what it changes, and whether it can tell who noticed."""

import shutil
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.proofs.mutants.mutations import ROOMS, Room, mirrored, modules_of, suite
from tests.proofs.mutants.trial import PARTS, Outcome, Seen, Tree
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


def unused():
    return 7
"""
SMALL_TESTS = """\
from mem0tray.small import sign


def test_sign():
    assert sign(-5) == -1
    assert sign(5) == 1
"""


def made(path: str, text: str) -> "list[Mutant]":
    from tests.proofs.mutants.mutations import Source  # slow to load: not while tests are collected

    source = Source(path, text)
    return [found for n in range(len(source)) if (found := source.mutant(n))]


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
    from tests.proofs.mutants.mutations import SqlSource

    source = SqlSource("q.sql", "-- name: one\n-- Ask AND wait.\nSELECT a WHERE a = 1 AND b < 2\n")
    made = [source.mutant(number) for number in range(len(source))]
    assert {one.after.removeprefix("SELECT a WHERE ") for one in made} == {
        "a = 1 OR b < 2", "a != 1 AND b < 2", "a = 1 AND b <= 2",
    }  # fmt: skip
    assert {one.function for one in made} == {"one"}


def test_what_no_test_could_notice_is_left_alone() -> None:
    for one in made("some.py", SOURCE):
        assert not any(
            sign in one.before
            for sign in ('"""', "-> bool", "@cached_property", "import", "__all__")
        ), one


def test_a_name_outlives_other_changes_of_the_file() -> None:
    before = {one.name for one in made("some.py", SOURCE)}
    after = {one.name for one in made("some.py", SOURCE.replace("LIMIT = 3", "\n\n\nLIMIT = 3"))}
    assert before == after


@pytest.mark.parametrize("name", ROOMS)
def test_each_room_has_its_modules_and_tests(name: str) -> None:
    room = ROOMS[name]
    assert modules_of(room, REPOSITORY)
    assert suite(room, REPOSITORY) == list(room.tests)
    for pattern in (*room.modules, *room.left_out):
        assert list(REPOSITORY.glob(pattern)), pattern


def test_a_modules_own_tests_are_found_by_its_name() -> None:
    assert mirrored("mem0tray/files/lock.py") == "tests/files/test_lock"
    assert mirrored("mem0tray/core/item.py") == "tests/core/test_item"


def test_each_mutant_without_effect_is_one_that_can_be_made_today() -> None:
    text = Path(__file__).with_name("no_effect.toml").read_text(encoding="utf-8")
    for entry in tomllib.loads(text)["mutant"]:
        lines = (REPOSITORY / entry["path"]).read_text(encoding="utf-8").splitlines()
        stripped = [line.strip() for line in lines]
        assert all(line in stripped for line in entry["before"].split("\n")), entry
        assert entry["why"].endswith(".")
        assert entry["after"] != entry["before"]


def test_what_is_run_on_import_any_test_may_notice() -> None:
    (mutant,) = (one for one in made("mem0tray/small.py", SOURCE) if one.after == "LIMIT = 4")
    ran = {str(line): [""] for line in mutant.lines} | {"14": ["tests/test_a.py::user"]}
    own = ["tests/test_small.py::quick", "tests/test_small.py::slow"]
    names = ["tests/test_b.py::other", own[1], "tests/test_a.py::user", own[0]]
    seconds = dict(zip(names, (0.1, 5.0, 0.3, 0.2), strict=True))
    found = Seen(seconds, {"mem0tray/small.py": ran}).tests(mutant)
    assert found == [own[0], "tests/test_a.py::user", own[1], "tests/test_b.py::other"]


@needs.linux("it forks, and ends what is left by /proc")
def test_a_mutant_is_killed_survives_or_is_not_covered(tmp_path: Path) -> None:
    project = tmp_path / "project"
    for part in PARTS:
        (project / part).parent.mkdir(parents=True, exist_ok=True)
        (project / part).mkdir() if "." not in part else (project / part).touch()
    (project / "mem0tray" / "__init__.py").touch()
    (project / "mem0tray" / "small.py").write_text(SMALL, encoding="utf-8")
    (project / "tests" / "test_small.py").write_text(SMALL_TESTS, encoding="utf-8")
    shutil.copytree(Path(__file__).parent, project / "tests" / "proofs" / "mutants")
    room = Room(("mem0tray/small.py",), ("tests/test_small.py",))
    changes = {one.after: one for one in made("mem0tray/small.py", SMALL)}
    with Tree(project, tmp_path) as tree:
        seen = tree.look(room)
        killed = tree.run(changes["return -2"], seen)
        assert (killed.outcome, killed.by) == (Outcome.KILLED, "tests/test_small.py::test_sign")
        # Neither -5 nor 5 tells a sign that is asked for 0.
        assert tree.run(changes["if n < 1:"], seen).outcome is Outcome.SURVIVED
        assert tree.run(changes["return 8"], seen).outcome is Outcome.NOT_COVERED
        assert (project / "mem0tray" / "small.py").read_text(encoding="utf-8") == SMALL
        assert (tree.root / "mem0tray" / "small.py").read_text(encoding="utf-8") == SMALL
