"""`mem0tray verify`: reads delivered memories back, and names those that the server lost."""

from typing import Any, Final

import click

from mem0tray.actions import verify
from mem0tray.actions.recall import in_sentence
from mem0tray.actions.verify import MissingMemory, Verified
from mem0tray.cli import arguments, output
from mem0tray.cli.arguments import project_alone, project_option
from mem0tray.cli.output import Style
from mem0tray.core import text
from mem0tray.core.errors import Mem0TrayError
from mem0tray.core.text import one_line, plural

_SHOWN: Final = 100  # missing memories that people read by name
_LONGEST_ID: Final = 60


@arguments.command(
    "verify",
    {
        "mem0tray verify": "all that was delivered",
        "mem0tray verify --sample 200": "a part of it, at random",
        "mem0tray verify -p garden --requeue": "what is missing is sent again",
    },
)
@project_option("Only this project.")
@click.option(
    "--sample",
    type=click.IntRange(1),
    metavar="N",
    help="Ask for N memories at most, chosen at random from all projects.",
)
@click.option(
    "--requeue",
    is_flag=True,
    help="Queue missing memories again, if their text is still known here.",
)
@arguments.json_option()
def command(*, project: str | None, sample: int | None, requeue: bool, as_json: bool) -> None:
    """Ask the server for what it took, and name what it no longer has.

    The server is asked by id if it keeps ids, else by text. The text of a delivered memory is
    kept only in the list of the last hundred, in backups, in the quarantine, and with
    claude.auto_memory in Claude Code's notes: memories whose text is still there can be queued
    again. Exits with 1 where something is missing and was not queued
    again, or the server did not say.
    """
    settings = arguments.load_there()
    project = project_alone(project)
    with output.Progress("memories asked for") as progress:
        found = verify.verify(settings, project, sample, progress, queues=requeue)
    if as_json:
        output.print_json(_document(found))
    else:
        _print(found, project)
    _judge(found, requeue=requeue)


def _print(found: Verified, project: str | None) -> None:
    missing = found.missing
    if missing:
        rows = [
            (
                one_line(each.memory.id, _LONGEST_ID),
                one_line(each.memory.project, _LONGEST_ID),
                text.moment(each.memory.at),
                _about_text(each),
            )
            for each in missing[:_SHOWN]
        ]
        output.print_table(("ID", "PROJECT", "DELIVERED", "ITS TEXT"), rows)
    if len(missing) > _SHOWN:
        output.say(f"… and {len(missing) - _SHOWN:,} more: `--json` names them all.")
    output.say(_summary(found, project), Style.WARNING if missing else Style.PLAIN)
    for why, number in found.unclear.items():
        output.say(f"Nobody can tell about {plural(number, 'memory', 'memories')}: {why}.")
    if found.again:
        waits = plural(found.again, "further memory waits", "further memories wait")
        output.say(f"{waits} here to be sent again.")


def _about_text(each: MissingMemory) -> str:
    if each.queued:
        return "queued again"
    if each.discarded:
        return "deleted here"
    return f"in {each.text.place}" if each.text is not None else "not known any more"


def _summary(found: Verified, project: str | None) -> str:
    there = in_sentence(found.destination)
    of = f" of the project {one_line(project, 80)!r}" if project is not None else ""
    if not found.delivered:
        return f"Nothing{of} has been delivered to {there} yet."
    what = plural(found.asked, "memory", "memories")
    if found.is_sample:
        what = f"a sample of {what} among the {found.delivered:,}"
    unclear = f", {found.cannot_tell:,} that it does not tell of" if found.cannot_tell else ""
    return (
        f"Asked for {what}{of} that went to {there}: {found.there:,} there,"
        f" {len(found.missing):,} missing{unclear}."
    )


def _judge(found: Verified, *, requeue: bool) -> None:
    """Raise Mem0TrayError unless the server has all that it was asked for, or gets it again."""
    there = in_sentence(found.destination)
    if found.trouble:
        raise Mem0TrayError(found.trouble, "What was not asked for is not counted.")
    lost = [each for each in found.missing if not each.queued]
    if lost:
        known = sum(each.can_be_queued for each in lost)
        remedy = (
            "`mem0tray restore --list` shows what was deleted here, `mem0tray add` queues a text"
            " that you still have."
        )
        if known and not requeue:
            remedy = (
                f"`mem0tray verify --requeue` queues {known:,} again, whose text is known here."
            )
        are = plural(len(lost), "memory is", "memories are")
        raise Mem0TrayError(f"{are} missing on {there}.", remedy)
    if found.asked and found.cannot_tell == found.asked:
        raise Mem0TrayError(f"Nobody can tell what {there} has.")


def _document(found: Verified) -> dict[str, Any]:
    return {
        "destination": found.destination or None,
        "answered": not found.trouble,
        "reason": found.trouble or None,
        "sample": found.is_sample,
        "delivered": found.delivered,
        "asked": found.asked,
        "there": found.there,
        "cannot_tell": found.cannot_tell,
        "cannot_tell_why": found.unclear,
        "waiting_again": found.again,
        "missing": [
            {
                "id": each.memory.id,
                "project_id": each.memory.project,
                "delivered_at": each.memory.at,
                "text_known": each.text is not None,
                "text_in": each.text.place if each.text is not None else None,
                "deleted_here": each.discarded,
                "queued_as": each.queued or None,
            }
            for each in found.missing
        ],
    }
