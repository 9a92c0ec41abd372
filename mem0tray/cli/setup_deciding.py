"""How `mem0tray setup` decides: a person answers, the defaults apply, or options say it."""

from typing import NamedTuple

from mem0tray.cli import asking


class Deciding(NamedTuple):
    """How decisions are made: by asking a person, by the defaults (`yes`), or only by options.

    `is_first`: no worker has served this folder yet. Otherwise the defaults are the present values.
    `changed` names what was changed so far.
    """

    asking: bool
    yes: bool
    is_first: bool
    changed: list[str]

    def note(self, changed: str) -> None:
        """Note that something was changed."""
        if changed not in self.changed:
            self.changed.append(changed)

    def decide(self, given: bool | None, question: str) -> bool:  # noqa: FBT001  (an option)
        """Whether to do something: as an option says, or a person, or by default."""
        if given is not None:
            return given
        if self.asking:
            return asking.chooses(question, default=self.is_first)
        return self.yes and self.is_first
