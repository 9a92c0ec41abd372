"""Strike with the faults whose names begin so, or with all: `python -m tests.proofs.network`."""

import sys
from pathlib import Path

import pytest

from tests.proofs.network.matrix import CASES

TEST = f"{Path(__file__).with_name('test_network.py')}::test_every_fault_is_outlived"


def main() -> int:
    """Run the tests of these faults, each against both kinds of server."""
    begins = tuple(sys.argv[1:]) or ("",)
    names = [f"{name}-{kind}" for name in CASES for kind in ("asked", "keys")]
    chosen = [f"{TEST}[{name}]" for name in names if name.startswith(begins)]
    return int(pytest.main(["-v", "-m", "slow", *chosen]))


if __name__ == "__main__":
    sys.exit(main())
