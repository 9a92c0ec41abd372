"""Foreign text on its way to the page: one harmless line, without secrets. Pure."""

import re
from typing import Final
from urllib.parse import unquote, urlsplit

from mem0tray.config.settings import ServerSettings
from mem0tray.core.text import one_line, short_id

HIDDEN: Final = "•••"
_LINES: Final = 60  # of a memory's content
_CREDENTIALS: Final = re.compile(r"://[^\s/]*@")


class Cleaner:
    """Makes text harmless; knows the secrets of the settings."""

    def __init__(self, server: ServerSettings) -> None:
        found = {server.api_key.strip(), _password(server.url)}
        found |= {unquote(secret) for secret in found}
        # The longest first, as one may be part of another.
        self._secrets = sorted(filter(None, found), key=len, reverse=True)

    def line(self, text: str, limit: int) -> str:
        """`text` as one line of at most `limit` characters."""
        return one_line(self._without_secrets(text), limit)

    def short_id(self, item_id: str) -> str:
        """The first eight characters of an id, without those of a secret that is longer."""
        return short_id(self._without_secrets(item_id))

    def block(self, text: str, limit: int) -> str:
        """`text` with its lines kept, at most `limit` characters."""
        text = self._without_secrets(text)
        lines = text[:limit].splitlines()
        shown = "\n".join(one_line(line, limit) for line in lines[:_LINES]).strip()
        return f"{shown} …" if len(text) > limit or len(lines) > _LINES else shown

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return _CREDENTIALS.sub(f"://{HIDDEN}@", text)


def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""
