"""What the tests of `doctor` share."""

from typing import Any

from tests.cli.scratch import Scratch


def checks(home: Scratch, name: str) -> list[tuple[str, str]]:
    found: list[dict[str, Any]] = home.run("doctor", "--json").json()["checks"]
    return [
        (each["level"], f"{each['message']} {each['remedy']}")
        for each in found
        if each["name"] == name
    ]
