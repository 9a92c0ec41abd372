"""Commands that are killed while they stand in for the worker, and are then given again."""

from contextlib import suppress
from typing import Final

from mem0tray.actions import backups, verbs, waiting
from mem0tray.actions.waiting import FoundItem
from mem0tray.core.errors import Mem0TrayError
from tests.proofs.model.actors import Commands, text_of
from tests.proofs.model.beliefs import Wish
from tests.proofs.model.world import World


class Killed:
    """A user whose command is killed at some point, and who gives it again."""

    VERBS: Final = ("delete", "edit", "retry", "restore")

    def __init__(self, world: World, commands: Commands) -> None:
        self._world = world
        self._commands = commands

    def give(self, verb: str, number: int, after: int) -> None:
        """Give the command; no worker runs."""
        if verb == "restore":
            self._restore(number, after)
        elif verb == "retry":
            self._retry(after)
        elif (chosen := self._commands.find(number)) is not None:
            (self._delete if verb == "delete" else self._edit)(chosen, after)

    def _delete(self, chosen: FoundItem, after: int) -> None:
        world = self._world
        memory = self._commands.memory(chosen)
        if memory is not None:
            memory.wish = Wish.OPEN
        act = verbs.delete
        world.in_a_killed_process(after, lambda: act(world.paths, world.settings, [chosen]))
        if self._waits(text_of(chosen)) is not False:
            with suppress(Mem0TrayError):
                self._commands.delete_item(chosen)
        if memory is not None and self._waits(text_of(chosen)) is False:
            memory.wish = Wish.GONE

    def _edit(self, chosen: FoundItem, after: int) -> None:
        world, text = self._world, self._commands.another_text()
        act = verbs.edit_text
        world.in_a_killed_process(after, lambda: act(world.paths, world.settings, chosen, text))
        if self._waits(text_of(chosen)) is not False:
            self._commands.edit_item(chosen, text)
        if self._waits(text_of(chosen)) is False:
            # An attempt may have been made before: `edit` alone could have said so.
            self._commands.edited(chosen, text, certain=False)

    def _retry(self, after: int) -> None:
        world = self._world
        world.in_a_killed_process(after, lambda: verbs.retry_all(world.settings))
        self._commands.retry(None)

    def _restore(self, number: int, after: int) -> None:
        world = self._world
        source = self._commands.source(number)
        if source is None:
            return
        published = world.beliefs.published_so_far
        gone = self._commands.open(source)
        act = verbs.restore
        world.in_a_killed_process(after, lambda: act(world.paths, world.settings, source))
        for memory in gone:
            memory.wish = Wish.GONE
        with suppress(Mem0TrayError):
            self._commands.restore_from(backups.named(world.paths, source.name))
        for memory in gone:
            waits = self._waits(memory.text)
            if waits is None:
                memory.wish = Wish.OPEN
            elif waits:  # the killed command had put it back
                world.beliefs.put_back(memory.text, published=published)

    def _waits(self, text: str) -> bool | None:
        """Whether a memory waits; None while a broken file lets nobody tell."""
        with suppress(Mem0TrayError):
            with waiting.opened(self._world.settings) as seen:
                known = [each for place in waiting.BOTH for each in seen.items(place)]
            return any(text_of(each) == text for each in known)
        return None
