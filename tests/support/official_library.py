"""Mem0's own library as the store of the official stand-in: all of it here, and nobody called."""

import os
import sys
import warnings
import zlib
from pathlib import Path
from typing import Any, Final

_DIMENSIONS: Final = 64
_HERE: Final = frozenset({"127.0.0.1", "::1", "localhost"})


def open_library(folder: Path) -> Any:
    """A `mem0.Memory` in `folder`: Qdrant embedded, texts embedded by their words, no model.

    Its telemetry is off before it is imported, and nothing in this process may connect to
    another machine from then on.
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
                "vector_store": {
                    "provider": "qdrant",
                    "config": {"path": str(folder / "qdrant"), "embedding_model_dims": _DIMENSIONS},
                },
                "embedder": {"provider": "openai", "config": {}},
                "llm": {"provider": "openai", "config": {"api_key": "none"}},
                "history_db_path": str(folder / "history.db"),
            }
        )


class WordEmbedder:
    """Makes a vector of a text by its words. `fails`: the exception that it raises instead."""

    fails: Exception | None = None

    def __init__(self, config: Any) -> None:
        self.config = config

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:
        """One number for each of 64 kinds of word, none of them negative."""
        del memory_action
        if WordEmbedder.fails is not None:
            raise WordEmbedder.fails
        vector = [0.01] * _DIMENSIONS
        for word in text.split():
            vector[zlib.crc32(word.encode("utf-8", "replace")) % _DIMENSIONS] += 1.0
        return vector


def _stay_here(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and address[0] not in _HERE:
            raise PermissionError(f"tests connect to nobody else: {address}")
