"""No row of the table of faults is without a test, and no test proves a row that is not there."""

import re

from tests.proofs.rows import table


def test_every_row_has_a_test() -> None:
    named = {
        int(number)
        for path in table.marked()
        for numbers in re.findall(r"mark\.row\(([\d, ]+)\)", path.read_text(encoding="utf-8"))
        for number in numbers.split(",")
    }
    assert set(table.rows()) >= set(range(1, 45))
    assert sorted(named) == sorted(table.rows())


def test_the_page_says_what_became_of_each_row() -> None:
    proofs = {"tests/a/test_b.py::test_c[x]": [9], "tests/a/test_b.py::test_c[y]": [9, 10]}
    proofs["tests/d/test_e.py::test_f"] = [11]
    outcomes = {"tests/a/test_b.py::test_c[x]": "failed", "tests/a/test_b.py::test_c[y]": "passed"}
    lines = table.page(proofs, outcomes, 1.0).splitlines()
    ends = {
        number: next(line for line in lines if line.startswith(f"| {number} |"))
        for number in (9, 10, 11, 12)
    }
    assert ends[9].endswith("| [test_c](../../a/test_b.py) × 2 | **1 FAILED**, 1 passed |")
    assert ends[10].endswith("| [test_c](../../a/test_b.py) | 1 passed |")
    assert ends[11].endswith("| [test_f](../../d/test_e.py) | 1 not run |")
    assert ends[12].endswith("|  | **no test** |")
