"""What `oss` says about a memory besides its project and text, in a table of its own."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

SCHEMA: Final = """
CREATE TABLE details (
    id INTEGER PRIMARY KEY,
    agent BLOB,
    run BLOB,
    role TEXT,
    metadata TEXT,
    updated REAL
) STRICT;
CREATE INDEX details_by_agent ON details (agent) WHERE agent IS NOT NULL;
CREATE INDEX details_by_run ON details (run) WHERE run IS NOT NULL;
CREATE TRIGGER memory_gone AFTER DELETE ON memories
    BEGIN DELETE FROM details WHERE id = old.id; END;
"""
WRITE: Final = "INSERT OR REPLACE INTO details VALUES (?, ?, ?, ?, ?, ?)"
_WITH_AGENT: Final = "SELECT id FROM details WHERE agent = ?"
_WITH_RUN: Final = "SELECT id FROM details WHERE run = ?"
_WITH_KEY: Final = "SELECT memory FROM keys WHERE key = ?"
_WITH_METADATA: Final = (
    "SELECT details.id FROM details,"
    " json_each(CASE WHEN json_valid(details.metadata) THEN details.metadata END) AS each"
    " WHERE each.key = ? AND each.value IS ?"
)


class Details(NamedTuple):
    """What a row of the table says; None where nothing was said.

    `agent` and `run` in UTF-8, surrogates let through. `metadata` is a JSON object in ASCII.
    `updated`: when the memory was changed last, in Unix seconds; None: never.
    """

    agent: bytes | None = None
    run: bytes | None = None
    role: str | None = None
    metadata: str | None = None
    updated: float | None = None


NONE: Final = Details()


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
