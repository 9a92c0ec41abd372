"""What was recognised stands in the ledger, with its address."""

from contextlib import closing
from pathlib import Path

import pytest

from mem0tray.ledger.database import Ledger
from mem0tray.ledger.reader import Reader
from mem0tray.ledger.servers import Dialects

A, B = "http://a.test:8000/mem0", "http://b.test"


def test_a_dialect_is_known_of_the_last_address_alone(tmp_path: Path) -> None:
    """Worker and commands find it after a restart; another address is asked anew."""
    path = tmp_path / "ledger.sqlite3"
    with closing(Ledger(path)) as ledger:
        dialects = Dialects(ledger)
        assert dialects.of(A) == ""
        dialects.note(A, "vps")
        dialects.note(A, "oss")
    with closing(Ledger(path)) as ledger:
        assert (Dialects(ledger).of(A), Dialects(ledger).of(B)) == ("oss", "")
        Dialects(ledger).note(B, "vps")
    with Reader(path) as reader:
        assert (reader.dialect_of(A), reader.dialect_of(B)) == ("", "vps")


@pytest.mark.parametrize("there", [False, True])
def test_where_nothing_was_noted_nothing_is_known(tmp_path: Path, *, there: bool) -> None:
    """With a ledger or without."""
    path = tmp_path / "ledger.sqlite3"
    if there:
        Ledger(path).close()
    with Reader(path) as reader:
        assert reader.dialect_of(A) == ""
