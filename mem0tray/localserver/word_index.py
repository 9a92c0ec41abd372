"""The index by which the embedded server finds words: SQLite's FTS5, filled in steps.

It is made from the memories and never holds them up: a save leaves it alone, and missing memories
are added a step at a time, when the server is idle or a search needs them. Case and accents are
ignored; the beginning of a word finds it.
Scripts without blanks between words, and pictures, are indexed sign by sign.
"""

import hashlib
import re
import sqlite3
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any, Final, NamedTuple

LONGEST: Final = 2**20  # bytes; words beyond these in a memory are not found
_STEP_ROWS: Final = 250
_STEP_BYTES: Final = 2**20
_QUERY_MAX: Final = 10_000  # characters; more words make a search slower but no better
_WORDS_MAX: Final = 32  # words of which any will do; each may have to be weighed in every memory

_CANDIDATES: Final = 200  # candidates, sorted by the share of words they have, then by weight

_SCHEMA: Final = """
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(
    project, memory, content='',
    tokenize="unicode61 remove_diacritics 2 categories 'L* N* Co So'"
);
CREATE TABLE IF NOT EXISTS indexed (one INTEGER PRIMARY KEY, upto INTEGER NOT NULL) STRICT;
INSERT OR IGNORE INTO indexed VALUES (1, 0);
"""
# The words of a large memory are those of its beginning.
_TEXT: Final = (  # of an empty blob `substr` makes NULL
    f"SELECT id, project, ifnull(substr(memory, 1, {LONGEST}), x'') FROM memories WHERE id"
)
_BEST: Final = (
    "SELECT rowid FROM words WHERE words MATCH ?{also}"
    " ORDER BY bm25(words, 0, 1), rowid DESC LIMIT ?"
)
_WITH_AGENT: Final = "SELECT id FROM details WHERE agent = ?"
_WITH_RUN: Final = "SELECT id FROM details WHERE run = ?"
_WITH_KEY: Final = "SELECT memory FROM keys WHERE key = ?"
_WITH_METADATA: Final = (
    "SELECT details.id FROM details,"
    " json_each(CASE WHEN json_valid(details.metadata) THEN details.metadata END) AS each"
    " WHERE each.key = ? AND each.value IS ?"
)
# Thai, Lao, Tibetan, Burmese, Khmer, kana, Han, Hangul, and symbols from arrows to emoji.
_ALONE: Final = re.compile(
    "([\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2190-\u2bff\u3040-\u30ff\u3400-\u9fff"
    "\uac00-\ud7a3\U0001f000-\U0003ffff])"
)
# Characters that SQLite's texts cannot hold, and the one that ends a text in a query.
_NEVER: Final = re.compile('[\0"\ud800-\udfff]')
_SIGNS: Final = re.compile(r"[^\W_]+|[\u2190-\u2bff\U0001f000-\U0001faff]")


class MemoryFilter(NamedTuple):
    """Which memories are wanted: those with all of this; None is not compared.

    `metadata` holds text, numbers and truth values.
    """

    agent: bytes | None = None
    run: bytes | None = None
    key: bytes | None = None
    metadata: Mapping[str, Any] = {}

    def condition(self, column: str) -> tuple[str, list[Any]]:
        """SQL to append to another condition, and its values; `column` has the id."""
        asked: list[tuple[str, list[Any]]] = []
        if self.agent is not None:
            asked.append((_WITH_AGENT, [self.agent]))
        if self.run is not None:
            asked.append((_WITH_RUN, [self.run]))
        if self.key is not None:
            asked.append((_WITH_KEY, [self.key]))
        asked += [(_WITH_METADATA, [name, value]) for name, value in self.metadata.items()]
        sql = "".join(f" AND {column} IN ({question})" for question, _ in asked)
        return sql, [value for _, values in asked for value in values]


ALL: Final = MemoryFilter()


class WordIndex:
    """The index in the database behind `connection`, beside its table `memories`.

    Methods raise `sqlite3.Error` when the database cannot be read or written now. The caller
    gives `add_some` and `remove` their transactions.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._run = connection.execute
        self._connection = connection

    def make(self) -> None:
        """Make an empty index, if there is none."""
        self._connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}COMMIT;")
        if sqlite3.sqlite_version_info >= (3, 42):  # removes a deleted memory's words at once
            self._run("INSERT INTO words (words, rank) VALUES ('secure-delete', 1)")

    def empty(self) -> None:
        """Empty an index that cannot be read: everything must be added again."""
        self._run("INSERT INTO words (words) VALUES ('delete-all')")
        self._run("UPDATE indexed SET upto = 0")

    def add_some(self) -> bool:
        """Add some of the missing memories, the oldest first; return whether it may lack more."""
        before = upto = self._upto()
        size = 0
        with closing(self._run(f"{_TEXT} > ? ORDER BY id LIMIT ?", (upto, _STEP_ROWS))) as missing:
            for row, project, text in missing:
                self._add(row, project, text)
                upto, size = row, size + len(text)
                if size >= _STEP_BYTES:
                    break
        self._run("UPDATE indexed SET upto = ?", (upto,))
        return upto > before

    def put(self, row: int) -> None:
        """Add the words of a memory that was taken out, as its text has changed."""
        self._add(*self._run(f"{_TEXT} = ?", (row,)).fetchone())

    def _add(self, row: int, project: bytes, text: bytes) -> None:
        self._run(
            "INSERT INTO words (rowid, project, memory) VALUES (?, ?, ?)",
            (row, _name(project), _spaced(text)),
        )

    def lacks_some(self) -> bool:
        """Return whether there are memories that it lacks."""
        newest = self._run("SELECT max(id) FROM memories").fetchone()[0]
        return (newest or 0) > self._upto()

    def remove(self, row: int) -> bool:
        """Take out the words of a memory that is still there; return whether they were in it."""
        found = self._run(f"{_TEXT} = ?", (row,)).fetchone()
        if found is None or row > self._upto():
            return False
        _, project, text = found
        self._run(
            "INSERT INTO words (words, rowid, project, memory) VALUES ('delete', ?, ?, ?)",
            (row, _name(project), _spaced(text)),
        )
        return True

    def search(
        self,
        project: bytes | None,
        query: str,
        most: int,
        wanted: MemoryFilter = ALL,
    ) -> list[tuple[int, float]]:
        """Find the memories that fit best, with the share of the query's words in each, 0 to 1.

        First those with all words, then those with more of them; among equals those whose words
        weigh more (BM25), then the newer. A `project` of None: of all projects.
        """
        words = words_of(query)
        found = (
            self._best(project, wanted, " AND ".join(map(_sought, words)), most) if words else []
        )
        if len(found) == most or len(words) <= 1:
            return [(row, 1.0) for row in found]
        # Long words say more, and are rarer.
        some = sorted(words, key=len, reverse=True)[:_WORDS_MAX]
        likely = self._best(
            project, wanted, " OR ".join(map(_sought, some)), max(most, _CANDIDATES) + len(found)
        )
        least = 1 / len(words)
        shares = [(row, max(least, self._share(some, row))) for row in likely if row not in found]
        shares.sort(key=lambda pair: -pair[1])  # stable
        return [*((row, 1.0) for row in found), *shares][:most]

    def _best(
        self, project: bytes | None, wanted: MemoryFilter, words: str, most: int
    ) -> list[int]:
        """Find the memories that match, those first whose words weigh more, then the newer."""
        among = "" if project is None else f"project : {_name(project)} AND "
        also, values = wanted.condition("rowid")
        best = _BEST.format(also=also)
        return [row for (row,) in self._run(best, (f"{among}memory : ({words})", *values, most))]

    def _share(self, words: Sequence[str], row: int) -> float:
        found = self._run(f"{_TEXT} = ?", (row,)).fetchone()
        return share(words, found[2]) if found is not None else 0.0

    def _upto(self) -> int:
        return int(self._run("SELECT upto FROM indexed").fetchone()[0])


def words_of(query: str) -> list[str]:
    """Find the different words of `query` that hold a letter, digit or picture, in its order."""
    words = {word.casefold(): word for word in query[:_QUERY_MAX].split()}
    return [word for word in words.values() if _signs(_spaced(word)).strip()]


def _sought(word: str) -> str:
    """Make the term for FTS5, which folds letter by letter: it does not take ß for ss."""
    kinds = dict.fromkeys(_spaced(each) for each in (word.lower(), word.casefold()))
    return "({})".format(" OR ".join(f'"{each}"*' for each in kinds))


def share(words: Sequence[str], text: str | bytes) -> float:
    """Compute the share of `words` (as `words_of` gives them) that a text has, 0 to 1."""
    there = _signs(_spaced(text))
    return sum(_signs(_spaced(word)) in there for word in words) / len(words) if words else 0.0


def _name(project: bytes | bytearray) -> str:
    return f"p{hashlib.sha256(project).hexdigest()[:32]}"


def _spaced(text: str | bytes) -> str:
    """Bring the text into a form that SQLite can hold and FTS5 takes apart."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return _ALONE.sub(r" \1 ", _NEVER.sub(" ", text))


def _signs(text: str) -> str:
    """Return the words as FTS5 compares them, each with a blank before it."""
    plain = "".join(
        sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign)
    )
    return "".join(f" {word}" for word in _SIGNS.findall(plain.casefold()))
