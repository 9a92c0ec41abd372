"""A scratch home a test, and the French catalog as it will be compiled."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2]))

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from mem0tray.core import language
from mem0tray.core.language import Language
from tests.cli.conftest import home

__all__ = ["home"]
_FRENCH = Path(language.__file__).parents[1] / "locale" / "fr"


@pytest.fixture
def catalog() -> Catalog:
    """Read every French text there is."""
    whole = Catalog(locale="fr")
    for path in sorted(_FRENCH.rglob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale="fr"):
                if message.id:
                    whole[message.id] = message
    return whole


@pytest.fixture
def french(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Language:
    """Give the French language."""
    compiled = tmp_path / "catalogs" / "fr" / "LC_MESSAGES" / "mem0tray.mo"
    compiled.parent.mkdir(parents=True)
    with compiled.open("wb") as file:
        write_mo(file, catalog)
    monkeypatch.setattr(language, "CATALOGS", tmp_path / "catalogs")
    return Language("fr")
