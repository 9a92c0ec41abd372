"""The index by which the embedded server finds words: SQLite's FTS5.

Scripts without blanks between words, and pictures, are indexed sign by sign.
"""

import hashlib
import re
import sqlite3
import unicodedata
from collections.abc import Sequence
from typing import Any, Final

LONGEST: Final = 2**20  # bytes; words beyond these in a memory are not found
_STEP_ROWS: Final = 250
_QUERY_MAX: Final = 10_000  # characters; more words make a search slower but no better
_WORDS_MAX: Final = 32  # words of which any will do; each may have to be weighed in every memory
_CANDIDATES: Final = 200  # candidates, sorted by the share of words they have, then by weight

_SCHEMA: Final = """
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(
    project, memory, content='',
    tokenize="unicode61 remove_diacritics 2 categories 'L* N* Co So'"
)
"""
# The words of a large memory are those of its beginning; of an empty blob `substr` makes NULL.
_TEXT: Final = (
    f"SELECT project, ifnull(substr(memory, 1, {LONGEST}), x'') FROM memories WHERE id = ?"
)
_MISSING: Final = (
    "SELECT id FROM memories WHERE id > ? AND id NOT IN (SELECT id FROM words_docsize)"
    " ORDER BY id LIMIT ?"
)
_BEST: Final = (
    "SELECT rowid FROM words WHERE words MATCH ?{also}"
    " ORDER BY bm25(words, 0, 1), rowid DESC LIMIT ?"
)
# Thai, Lao, Tibetan, Burmese, Khmer, kana, Han, Hangul, and symbols from arrows to emoji.
_ALONE: Final = re.compile(
    "([\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2190-\u2bff\u3040-\u30ff\u3400-\u9fff"
    "\uac00-\ud7a3\U0001f000-\U0003ffff])"
)
# Characters that SQLite's texts cannot hold, and the one that ends a text in a query.
_NEVER: Final = re.compile('[\0"\ud800-\udfff]')
_SIGNS: Final = re.compile(r"[^\W_]+|[\u2190-\u2bff\U0001f000-\U0001faff]")


class WordIndex:
    """The index in the database behind `connection`, beside its table `memories`.

    Methods raise `sqlite3.Error` when the database cannot be read or written now. The caller
    gives those that write their transactions.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._run = connection.execute

    def make(self) -> None:
        self._run(_SCHEMA)
        if sqlite3.sqlite_version_info >= (3, 42):  # removes a deleted memory's words at once
            self._run("INSERT INTO words (words, rank) VALUES ('secure-delete', 1)")

    def empty(self) -> None:
        """Empty an index that cannot be read: everything must be added again."""
        self._run("INSERT INTO words (words) VALUES ('delete-all')")

    def missing(self, after: int) -> list[int]:
        return [row for (row,) in self._run(_MISSING, (after, _STEP_ROWS))]

    def add(self, row: int) -> None:
        self._run("INSERT INTO words (rowid, project, memory) VALUES (?, ?, ?)", self._words(row))

    def remove(self, row: int) -> None:
        self._run(
            "INSERT INTO words (words, rowid, project, memory) VALUES ('delete', ?, ?, ?)",
            self._words(row),
        )

    def _words(self, row: int) -> tuple[int, str, str]:
        project, text = self._run(_TEXT, (row,)).fetchone()
        return row, _name(project), _spaced(text)

    def search(
        self,
        project: bytes | None,
        query: str,
        most: int,
        also: str = "",
        values: Sequence[Any] = (),
    ) -> list[tuple[int, float]]:
        """Find the memories that fit best, with the share of the query's words in each, 0 to 1.

        First those with all words, then those with more of them; among equals those whose words
        weigh more (BM25), then the newer. `also` is SQL for a further condition on `rowid`.
        """
        among = "" if project is None else f"project : {_name(project)} AND "

        def best(words: str, most: int) -> list[int]:
            match = f"{among}memory : ({words})"
            return [row for (row,) in self._run(_BEST.format(also=also), (match, *values, most))]

        words = words_of(query)
        found = best(" AND ".join(map(_sought, words)), most) if words else []
        if len(found) == most or len(words) <= 1:
            return [(row, 1.0) for row in found]
        # Long words say more, and are rarer.
        some = sorted(words, key=len, reverse=True)[:_WORDS_MAX]
        likely = best(" OR ".join(map(_sought, some)), max(most, _CANDIDATES) + len(found))
        least = 1 / len(words)
        shares = [
            (row, max(least, share(some, self._run(_TEXT, (row,)).fetchone()[1])))
            for row in likely
            if row not in found
        ]
        shares.sort(key=lambda pair: -pair[1])  # stable
        return [*((row, 1.0) for row in found), *shares][:most]


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
    plain = "".join(
        sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign)
    )
    return "".join(f" {word}" for word in _SIGNS.findall(plain.casefold()))
