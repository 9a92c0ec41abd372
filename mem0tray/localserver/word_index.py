"""The index by which the embedded server finds words: SQLite's FTS5, filled in steps.

It is made from the memories and never holds them up: a save leaves it alone, and missing memories
are added a step at a time, when the server is idle or a search needs them. An index that cannot be
read is made anew. Case and accents are ignored; the beginning of a word finds it.
Scripts without blanks between words, and pictures, are indexed sign by sign.
"""

import hashlib
import json
import re
import sqlite3
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from mem0tray.localserver import details
from mem0tray.localserver.details import MemoryFilter

LONGEST: Final = 2**20  # bytes; words beyond these in a memory are not found
_STEP_ROWS: Final = 250
_STEP_BYTES: Final = 2**20
_QUERY_MAX: Final = 10_000  # characters; more words make a search slower but no better
_WORDS_MAX: Final = 32  # words of which any will do; each may have to be weighed in every memory

_CANDIDATES: Final = 50  # candidates, sorted by the share of words they have, then by weight

# FTS5 cannot drop a table that it cannot read.
_ANEW: Final = """
BEGIN IMMEDIATE;
PRAGMA writable_schema = ON;
DELETE FROM sqlite_master WHERE name = 'words';
PRAGMA writable_schema = RESET;
DROP TABLE IF EXISTS words_data;
DROP TABLE IF EXISTS words_idx;
DROP TABLE IF EXISTS words_docsize;
DROP TABLE IF EXISTS words_config;
CREATE VIRTUAL TABLE words USING fts5(
    project, memory, content='',
    tokenize="unicode61 remove_diacritics 2 categories 'L* N* Co So'"
);
CREATE TABLE IF NOT EXISTS indexed (one INTEGER PRIMARY KEY, upto INTEGER NOT NULL) STRICT;
INSERT OR REPLACE INTO indexed VALUES (1, 0);
COMMIT;
"""
# Weighing a memory takes longer than finding it: of more matches only the newest are weighed.
_WEIGHED: Final = 2000
_NEWEST: Final = "SELECT rowid FROM words WHERE words MATCH ?{also} ORDER BY rowid DESC LIMIT ?"
# The best of these rows, the smallest of which is given too. The project is no part of the query,
# as FTS5 would count its memories; the sign keeps each row from being sought by itself.
_BEST: Final = (
    "SELECT rowid FROM words WHERE words MATCH ? AND rowid >= ?"
    " AND +rowid IN (SELECT value FROM json_each(?))"
    " ORDER BY bm25(words, 0, 1), rowid DESC LIMIT ?"
)
# The words in the index, in order; for this connection alone.
_TERMS: Final = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS temp.terms USING fts5vocab(main, words, instance)"
)
_NEXT_TERM: Final = "SELECT term FROM temp.terms WHERE term >= ? LIMIT 1"
# Thai, Lao, Tibetan, Burmese, Khmer, kana, Han, Hangul, and symbols from arrows to emoji.
_ALONE: Final = re.compile(
    "([\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2190-\u2bff\u3040-\u30ff\u3400-\u9fff"
    "\uac00-\ud7a3\U0001f000-\U0003ffff])"
)
# Characters that SQLite's texts cannot hold, and the one that ends a text in a query.
_ALL: Final = " AND "
_ANY: Final = " OR "
_NEVER: Final = re.compile('[\0"\ud800-\udfff]')
_SIGNS: Final = re.compile(r"[^\W_]+|[\u2190-\u2bff\U0001f000-\U0001faff]")


class WordIndex:
    """The index in the database behind `connection`, beside its table `memories`.

    Methods raise `sqlite3.Error` when the database cannot be read or written now. The caller
    gives `add_some` and `remove` their transactions.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._run = connection.execute
        self._connection = connection

    def make(self) -> None:
        """Make an empty index, if there is none that can be read."""
        try:
            self._run(_BEST, ("a", 0, "[1]", 1)).fetchall()
            self._run("SELECT upto FROM indexed").fetchall()
        except sqlite3.DatabaseError:
            self.make_anew()
        self._run(_TERMS)

    def make_anew(self) -> None:
        """Make the index anew, empty: everything must be added again."""
        try:
            self._connection.executescript(_ANEW)
        finally:
            if self._connection.in_transaction:
                self._run("ROLLBACK")
            self._run("PRAGMA writable_schema = OFF")
        if sqlite3.sqlite_version_info >= (3, 42):  # removes a deleted memory's words at once
            self._run("INSERT INTO words (words, rank) VALUES ('secure-delete', 1)")

    def add_some(self) -> bool:
        """Add some of the missing memories, the oldest first; return whether it may lack more."""
        upto = self._upto()
        lacking = self._run(
            "SELECT id, project FROM memories WHERE id > ? ORDER BY id LIMIT ?",
            (upto, _STEP_ROWS),
        ).fetchall()
        size = 0
        for row, project in lacking:
            upto, size = row, size + self._add(row, project)
            if size >= _STEP_BYTES:
                break
        if lacking:
            self._run("UPDATE indexed SET upto = ?", (upto,))
        return bool(lacking)

    def put(self, row: int) -> None:
        """Add the words of a memory that was taken out, as its text has changed."""
        one = "SELECT project FROM memories WHERE id = ?"
        self._add(row, *self._run(one, (row,)).fetchone())

    def _add(self, row: int, project: bytes) -> int:
        text = self._beginning(row) or b""
        self._run(
            "INSERT INTO words (rowid, project, memory) VALUES (?, ?, ?)",
            (row, _name(project), _spaced(text)),
        )
        return len(text)

    def lacks_some(self) -> bool:
        """Whether there are memories that it lacks."""
        newest = self._run("SELECT max(id) FROM memories").fetchone()[0]
        return (newest or 0) > self._upto()

    def remove(self, row: int, project: bytes | bytearray) -> bool:
        """Take out the words of a memory that is still there; return whether they were in it."""
        text = self._beginning(row)
        if text is None or row > self._upto():
            return False
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
        wanted: MemoryFilter = details.ALL,
    ) -> list[tuple[int, float]]:
        """The memories that fit best, with the share of the query's words that each has, 0 to 1.

        First those with all words, then those with more of them; among equals those whose words
        weigh more (BM25), then the newer. A `project` of None: of all projects. Words that very
        many memories have are only looked for in the newest of these.
        """
        words = words_of(query)
        if not words:
            return []
        among = _Among(project, wanted, {word: self._sought(word) for word in words})
        found = [(row, 1.0) for row in self._matching(among, words, _ALL, most)]
        if len(found) == most or len(words) == 1:
            return found
        # Long words say more, and are rarer.
        some = sorted(words, key=len, reverse=True)[:_WORDS_MAX]
        there = {row for row, _ in found}
        least = 1 / len(words)
        shares: list[tuple[int, float]] = []
        for likely, others in self._likely(among, some, max(most, _CANDIDATES)):
            rest = [row for row in likely if row not in there]
            there.update(rest)
            shares += [(row, max(least, self._share(some, row))) for row in rest]
            if sum(has >= others for _, has in shares) >= most - len(found):
                break  # nothing better follows
        shares.sort(key=lambda pair: -pair[1])  # stable
        return [*found, *shares][:most]

    def _likely(
        self, among: "_Among", words: Sequence[str], most: int
    ) -> Iterator[tuple[list[int], float]]:
        """Memories with any of the words, and the largest share that the rest can have.

        First those with a rare word: they are few enough to weigh all of them, old ones too.
        """
        newest = {word: self._newest(among, among.query([word], _ANY)) for word in words}
        rare = [word for word in words if len(newest[word]) <= _WEIGHED]
        found = self._matching(among, rare, _ANY, most, _union(newest, rare)) if rare else []
        others = (len(words) - len(rare)) / len(words)
        yield found, others if len(found) < most else 0.0
        if len(found) < most and len(rare) < len(words):
            any_of = self._matching(among, words, _ANY, most, _union(newest, words))
            there = set(found)
            yield [row for row in any_of if row not in there][: most - len(found)], 0.0

    def _matching(
        self,
        among: "_Among",
        words: Sequence[str],
        joint: str,
        most: int,
        newest: list[int] | None = None,
    ) -> list[int]:
        """The best matches; `newest` are the newest, as `_newest` finds them."""
        if newest is None:
            newest = self._newest(among, among.query(words, joint))
        if len(newest) <= 1:  # nothing to weigh
            return newest
        given = (among.texts(words, joint), newest[-1], json.dumps(newest), most)
        return [row for (row,) in self._run(_BEST, given)]

    def _newest(self, among: "_Among", query: str) -> list[int]:
        """The newest matches, as many as are weighed, and one more if there are more."""
        newest = _NEWEST.format(also=among.also)
        return [row for (row,) in self._run(newest, (query, *among.values, _WEIGHED + 1))]

    def _sought(self, word: str) -> str:
        """The term for FTS5, which folds letter by letter, so that it does not take ß for ss.

        A word that begins no other is looked up as it is: for a beginning FTS5 puts together all
        matches before it gives the first.
        """
        kinds = dict.fromkeys(_spaced(each) for each in (word.lower(), word.casefold()))
        star = "" if _is_term(word) and not self._begins_others(word.lower()) else "*"
        return "({})".format(" OR ".join(f'"{each}"{star}' for each in kinds))

    def _begins_others(self, term: str) -> bool:
        following = self._run(_NEXT_TERM, (f"{term}\x01",)).fetchone()
        return following is not None and following[0].startswith(term)

    def _share(self, words: Sequence[str], row: int) -> float:
        text = self._beginning(row)
        return share(words, text) if text is not None else 0.0

    def _upto(self) -> int:
        return int(self._run("SELECT upto FROM indexed").fetchone()[0])

    def _beginning(self, row: int) -> bytes | None:
        """Read the part of a memory that is indexed; None if there is no such memory."""
        # Of an empty text `substr` makes NULL.
        beginning = "SELECT coalesce(substr(memory, 1, ?), x'') FROM memories WHERE id = ?"
        found = self._run(beginning, (LONGEST, row)).fetchone()
        return None if found is None else bytes(found[0])


class _Among:
    """Where to look for words: conditions for the index (`query`) and beside it (`also`).

    `sought`: the term for FTS5, by the word.
    """

    def __init__(
        self, project: bytes | None, wanted: MemoryFilter, sought: Mapping[str, str]
    ) -> None:
        self._project = "" if project is None else f"project : {_name(project)} AND "
        self._sought = sought
        self.also, self.values = wanted.condition("rowid")

    def query(self, words: Sequence[str], joint: str) -> str:
        """The query for FTS5."""
        return f"{self._project}{self.texts(words, joint)}"

    def texts(self, words: Sequence[str], joint: str) -> str:
        """The same query for all projects."""
        return f"memory : ({joint.join(self._sought[word] for word in words)})"


def _union(newest: Mapping[str, list[int]], words: Sequence[str]) -> list[int]:
    """The newest matches of any of the words, from the newest of each."""
    rows = sorted({row for word in words for row in newest[word]}, reverse=True)
    return rows[: _WEIGHED + 1]


def words_of(query: str) -> list[str]:
    """The different words of `query` that hold a letter, digit or picture, in its order."""
    words = {word.casefold(): word for word in query[:_QUERY_MAX].split()}
    return [word for word in words.values() if _signs(_spaced(word)).strip()]


def _is_term(word: str) -> bool:
    """Whether the word stands in the index unchanged, in lower case."""
    return word.isascii() and word.isalnum()


def share(words: Sequence[str], text: str | bytes) -> float:
    """The share of `words` (as `words_of` gives them) that a text has, 0 to 1."""
    there = _signs(_spaced(text))
    return sum(_signs(_spaced(word)) in there for word in words) / len(words) if words else 0.0


def _name(project: bytes | bytearray) -> str:
    """The word that stands for a project in the index."""
    return f"p{hashlib.sha256(project).hexdigest()[:32]}"


def _spaced(text: str | bytes) -> str:
    """The text in a form that SQLite can hold and FTS5 takes apart."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return _ALONE.sub(r" \1 ", _NEVER.sub(" ", text))


def _signs(text: str) -> str:
    """The words as FTS5 compares them, each with a blank before it."""
    plain = "".join(
        sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign)
    )
    return "".join(f" {word}" for word in _SIGNS.findall(plain.casefold()))
