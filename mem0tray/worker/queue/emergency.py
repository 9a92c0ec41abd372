"""Intake of the emergency file: read, renamed when it is quiet, removed after a day."""

import time
from contextlib import suppress
from typing import Final

import msgspec

from mem0tray.core import events
from mem0tray.files import atomic, emergency, private_folders
from mem0tray.files.emergency import EmergencySource
from mem0tray.ledger.names import EMERGENCY_FILE, EMERGENCY_SOURCES
from mem0tray.ledger.opening import boot_id
from mem0tray.worker.context import WorkerContext
from mem0tray.worker.queue.intake import accept

_NOT_WHOLE: Final = "(no whole line; what may belong together is kept together)"


class EmergencyIntake:
    """Reads from an offset, which is kept in the transaction that takes the items in."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._folder = context.paths.claude_dir
        self.may_have_been_sent = context.ledger.may_have_been_sent(EMERGENCY_FILE)  # what is there
        self._boot = boot_id()

    def run(self, *, tidy: bool = True) -> int:
        """Take in new lines; return how many. `tidy`: rename a quiet file, remove an old one."""
        sources = self._sources()
        live = self._context.paths.emergency
        found = atomic.signature(live)
        if found is not None and found.inode not in {source.inode for source in sources}:
            sources.append(EmergencySource(live.name, found.inode))
        new = 0
        for source in sources:
            new += self._read(source, tidy=tidy)
        if self.may_have_been_sent:
            self._context.ledger.trust(EMERGENCY_FILE)
            self.may_have_been_sent = False
        return new

    def unread(self) -> int:
        found = atomic.signature(self._context.paths.emergency)
        if found is None:
            return 0
        offsets = {source.inode: source.offset for source in self._sources()}
        return max(0, found.size - offsets.get(found.inode, 0))

    def _sources(self) -> list[EmergencySource]:
        kept = self._context.ledger.meta(EMERGENCY_SOURCES)
        return emergency.sources(kept) if kept else self._found_on_disk()

    def _found_on_disk(self) -> list[EmergencySource]:
        """Find renamed files that a lost ledger knew; items read twice are known by their ids."""
        pattern = emergency.READ.format(inode="*")
        return [
            self._as_renamed(EmergencySource(path.name, path.stat().st_ino), path.stat().st_ctime)
            for path in private_folders.listing(self._folder, pattern)
        ]

    def _read(self, source: EmergencySource, *, tidy: bool) -> int:
        now = self._context.now()
        path = self._folder / source.name
        found = atomic.signature(path)
        if found is None or found.inode != source.inode:
            self._lose()
            self._context.quarantine_items(path, list(source.torn), _NOT_WHOLE)
            self._keep(source, None)
            return 0
        if found.size < source.offset:
            self._lose()
        # A time in the future, as after a clock was set back, counts as long ago.
        final = abs(now - found.mtime / 1e9) >= emergency.RENAME_AFTER
        lines = emergency.read(self._folder, source, final=final)
        if lines is not None and lines.source is not None:
            with self._context.ledger.transaction(durable=True):
                new = sum(
                    accept(self._context, item, ask=self.may_have_been_sent, shown=False)[1]
                    for item in lines.items
                )
                self._keep(source, lines.source)
            self._context.quarantine_items(path, lines.odd, _NOT_WHOLE)
            if new:
                self._context.events.emit(events.Accepted(new))
            return new
        if not tidy:
            return 0
        if final and not source.renamed:
            self._rename(source, now)
        elif source.renamed and source.has_rested(now, self._boot, time.monotonic()):
            with suppress(FileNotFoundError):
                path.unlink()
            self._keep(source, None)
        return 0

    def _lose(self) -> None:
        """Note that another worker took the lines away, and delivers them itself."""
        context = self._context
        unshown = context.foreign_claims.unshown()
        if unshown:
            context.foreign_claims.vanish(
                unshown, context.now(), taken=context.other_at_work, wait_until=0.0
            )

    def _rename(self, source: EmergencySource, now: float) -> None:
        named = msgspec.structs.replace(source, name=emergency.READ.format(inode=source.inode))
        renamed = self._as_renamed(named, now)
        self._keep(source, renamed)
        try:
            (self._folder / source.name).rename(self._folder / renamed.name)
        except OSError:
            self._keep(source, source)

    def _as_renamed(self, source: EmergencySource, when: float) -> EmergencySource:
        return msgspec.structs.replace(
            source, renamed=when, boot=self._boot, uptime=time.monotonic()
        )

    def _keep(self, old: EmergencySource, new: EmergencySource | None) -> None:
        kept = [source for source in self._sources() if source.inode != old.inode]
        if new is not None:
            kept.append(new)
        with self._context.ledger.transaction():
            self._context.ledger.set_meta(EMERGENCY_SOURCES, msgspec.json.encode(kept))
