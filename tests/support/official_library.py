"""Mem0's own library as the store of an official server: all of it here, and nobody called."""

import os
import sys
import warnings
import zlib
from pathlib import Path
from typing import Any, Final

DIMENSIONS: Final = 64
_HERE: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def open_library(folder: Path, *, database: str = "", table: str = "memories") -> Any:
    """A `mem0.Memory` in `folder`, for `close_library` to close.

    It keeps memories in a `table` of the Postgres `database`, a connection string; or in an
    embedded Qdrant. Texts are embedded by their words, with no model.

    Its own things are in `folder`, too. Its telemetry is off before it is imported, and nothing
    in this process may connect to another machine from then on.
    """
    os.environ |= {"MEM0_TELEMETRY": "False", "MEM0_DIR": str(folder / "mem0"), "NO_PROXY": "*"}
    sys.addaudithook(_stay_here)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mem0
        from mem0.memory import telemetry
        from mem0.utils.factory import EmbedderFactory

        assert telemetry.MEM0_TELEMETRY is False
        EmbedderFactory.provider_to_class["openai"] = f"{__name__}.WordEmbedder"
        return mem0.Memory.from_config(
            {
                "vector_store": _postgres(database, table) if database else _qdrant(folder),
                "embedder": {"provider": "openai", "config": {}},
                "llm": {"provider": "openai", "config": {"api_key": "none"}},
                "history_db_path": str(folder / "history.db"),
            }
        )


def close_library(library: Any) -> None:
    """Close it and what it has open, which its own `close` leaves."""
    library.close()
    for store in (library.vector_store, library._entity_store):
        if pool := getattr(store, "connection_pool", None):
            pool.close()
        if client := getattr(store, "client", None):
            client.close()


def as_vector(text: str) -> list[float]:
    vector = [0.01] * DIMENSIONS
    for word in text.split():
        vector[zlib.crc32(word.encode("utf-8", "replace")) % DIMENSIONS] += 1.0
    return vector


class WordEmbedder:
    """Makes a vector of a text by its words. `fails`: the exception that it raises instead."""

    fails: Exception | None = None

    def __init__(self, config: Any) -> None:
        self.config = config

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:
        del memory_action
        if WordEmbedder.fails is not None:
            raise WordEmbedder.fails
        return as_vector(text)


def _postgres(database: str, table: str) -> dict[str, Any]:
    where = {"connection_string": database, "collection_name": table}
    return {"provider": "pgvector", "config": where | {"embedding_model_dims": DIMENSIONS}}


def _qdrant(folder: Path) -> dict[str, Any]:
    where = {"path": str(folder / "qdrant"), "on_disk": True}
    return {"provider": "qdrant", "config": where | {"embedding_model_dims": DIMENSIONS}}


def _stay_here(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and address[0] not in _HERE:
            raise PermissionError(f"tests connect to nobody else: {address}")
