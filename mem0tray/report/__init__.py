"""The status page: one HTML file that contains everything it needs.

It is gathered from files and ledger (`gathering`), put into words and numbers (`view`), drawn
(`charts`) and laid out (`page`). It runs no script, loads nothing, and shows no text of a memory
unless asked to.
"""

import time
from pathlib import Path

from mem0tray.config.settings import Settings
from mem0tray.core.language import Language
from mem0tray.report.browser import open_page

__all__ = ["open_page", "write"]


def write(
    settings: Settings, language: Language, *, out: Path | None = None, with_content: bool = False
) -> Path:
    """Write the page, readable only by its owner, and return its path.

    Without `out` it replaces the page in our own folder. Raises FileUnavailableError.
    """
    # Slow to import, and needed only for a page.
    from mem0tray.report import gathering, output, page, view

    shown = view.of(
        gathering.gather(settings, time.time()),
        language,
        view.Options(settings.server, settings.locations().dlq.name, with_content=with_content),
    )
    return output.write(page.render(shown, language), out, settings.locations())
