"""The index of words: what is found, in which order, and what becomes of the index itself."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mem0tray.localserver import word_index
from mem0tray.localserver.store import Filter, Store, StoredMemory


def found(store: Store, query: str, project: str = "p", limit: int = 100) -> list[str]:
    return [each.memory for each, _ in store.search(Filter(project), query, limit)]


def newest(store: Store) -> list[StoredMemory]:
    return store.newest(Filter("p"), 1000)[0]


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("Ein schöner CAFÉ-Tisch", "cafe"),
        ("plain cafe", "Café"),
        ("the gardener waters", "gard"),
        ("die große Straße", "GROßE straße"),
        ("DIE STRASSE", "Straße"),
        ("snake_case_name", "case_name"),
        ("今日は東京へ行く", "東京"),
        ("회의는 내일이다", "내일"),
        ("well done 👍🏽", "👍"),
        ("version 2.0-rc1", "2.0-rc1"),
        ("a\0nul and \ud800 half", "nul half"),
        ('they said "so"', 'said "so'),
    ],
)
def test_a_memory_is_found_by_its_words(store: Store, text: str, query: str) -> None:
    store.save(StoredMemory("p", "another text"))
    store.save(StoredMemory("p", text))
    assert found(store, query) == [text]


def test_an_empty_memory_holds_up_no_other(store: Store) -> None:
    for text in ("", "an oak"):
        store.save(StoredMemory("p", text))
    assert found(store, "oak") == ["an oak"]
    assert all(store.delete("p", each.id) for each in newest(store))


def test_the_best_stands_first(store: Store) -> None:
    for text in ("oak", "oak and elm", "oak elm ash", "ash", "nothing", "oak"):
        store.save(StoredMemory("p", text))
    assert found(store, "oak elm ash") == ["oak elm ash", "oak and elm", "ash", "oak", "oak"]
    assert found(store, "oak elm ash", limit=2) == ["oak elm ash", "oak and elm"]


def test_a_project_sees_its_own(store: Store) -> None:
    store.save(StoredMemory("p", "secret of p"))
    store.save(StoredMemory('q" OR "', "secret of q"))
    assert found(store, "secret", "p") == ["secret of p"]
    assert found(store, "secret", 'q" OR "') == ["secret of q"]
    assert found(store, "secret", "nobody") == []


@pytest.mark.parametrize(
    "query",
    [
        "", " ", '"', '""', '"a', "a AND", "NOT", "NEAR(a b)", "a*", "*", "^a", "project : x",
        "a - b", "(((((", "{a} : b", "\0", "a\0b", "\ud800", "😀", "\U0010ffff", "---",
        "a" * 1_000_000, "a b " * 250_000, "'; DROP TABLE words; --",
    ],
)  # fmt: skip
def test_no_query_is_an_error(store: Store, query: str) -> None:
    store.save(StoredMemory("p", "neither this nor that"))
    assert found(store, query) == []


def test_a_rare_word_beside_a_common_one_finds_an_old_memory_too(store: Store) -> None:
    store.save(StoredMemory("p", "an old elm among others"))
    for number in range(300):
        store.save(StoredMemory("p", f"oak {number}"))
    assert found(store, "oak elm", limit=2) == ["an old elm among others", "oak 299"]


def test_a_deleted_memory_is_found_no_more(store: Store, database: Path) -> None:
    for text in ("first xyzzyplugh", "second xyzzyplugh"):
        store.save(StoredMemory("p", text))
    second, first = newest(store)
    assert found(store, "xyzzyplugh") == ["second xyzzyplugh", "first xyzzyplugh"]
    assert store.delete("p", first.id)
    assert found(store, "xyzzyplugh") == ["second xyzzyplugh"]
    assert store.delete("p", second.id)
    assert found(store, "xyzzyplugh") == []
    store.close()
    if sqlite3.sqlite_version_info >= (3, 42):
        assert b"xyzzyplugh" not in database.read_bytes()


def test_a_large_memory_is_found_by_its_beginning(store: Store) -> None:
    store.save(StoredMemory("p", "beginning " + "x " * word_index.LONGEST + "finish"))
    assert len(found(store, "beginning")) == 1
    assert found(store, "finish") == []
    assert store.delete("p", newest(store)[0].id)
    assert found(store, "beginning") == []


def test_what_the_index_lacks_is_added_when_the_database_is_opened(
    store: Store, database: Path
) -> None:
    for number in range(600):
        store.save(StoredMemory("p", f"old {number}"))
    store.close()
    for damage in ("DROP TABLE words", "INSERT INTO words (words) VALUES ('delete-all')"):
        with closing(sqlite3.connect(database)) as opened:
            opened.execute(damage)
            opened.commit()
        with closing(Store(database)) as again:
            assert len(found(again, "old", limit=1000)) == 600


def test_a_memory_between_others_is_added_too(store: Store, database: Path) -> None:
    for text in ("an oak", "an elm", "an ash"):
        store.save(StoredMemory("p", text))
    store._words.remove(2)
    assert found(store, "elm") == []
    store.close()
    with closing(Store(database)) as again:
        assert found(again, "elm") == ["an elm"]
        assert found(again, "oak") == ["an oak"]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE words_data SET block = x'ffffffffffffffff' WHERE id > 10",
        "DELETE FROM words_data WHERE id > 10",
    ],
)
def test_an_index_that_cannot_be_read_is_filled_again(
    store: Store, database: Path, damage: str
) -> None:
    store.save(StoredMemory("p", "still there"))
    assert found(store, "still") == ["still there"]
    with closing(sqlite3.connect(database)) as opened:
        opened.execute(damage)
        opened.commit()
    with pytest.raises(sqlite3.DatabaseError) as caught:
        found(store, "still")
    store.mend(caught.value)
    assert found(store, "still") == ["still there"]
