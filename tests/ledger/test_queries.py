"""The queries by name."""

import re
from pathlib import Path

from mem0tray.ledger import names

FOLDER = Path(names.__file__).parent
PARTS = FOLDER.joinpath("queries.sql").read_text(encoding="utf-8").split("-- name: ")[1:]
NAMES = [part.partition("\n")[0] for part in PARTS]


def test_each_query_has_a_name_of_its_own_and_a_sentence() -> None:
    assert len(NAMES) == len(set(NAMES))
    for part in PARTS:
        assert re.match(r"\w+\n-- [A-Z`].*", part), part


def test_what_stands_in_braces_is_put_in_or_left_to_the_caller() -> None:
    left = {brace for name in NAMES for brace in re.findall(r"\{(\w+)\}", names.SQL[name])}
    assert left == {"more", "marks", "lane"}


def test_each_query_is_used() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py"))
    text = FOLDER.joinpath("queries.sql").read_text(encoding="utf-8")
    used = set(re.findall(r"""SQL\[f?["'](\w+)["']\]""", code)) | set(
        re.findall(r"\{(\w+)\}", text)
    )
    assert set(NAMES) - used == {"head_pending", "head_dead"}  # one for each lane
