"""The look at a real Mac, on the stand-ins: it knows the right names, and what must be."""

from tests.desktop.macos import real
from tests.desktop.macos.runtime import Machine
from tests.desktop.macos.user import User


def test_the_look_at_a_mac_finds_all_in_order(mac: Machine, user: User) -> None:
    user.plans(*[user.wait_for_more] * 12)
    said: list[str] = []
    assert real.look(1.0, said.append)
    assert said == ["shown", "filled", "changed", "clicked", "asked", "answered"]
    assert mac.alerts == []
