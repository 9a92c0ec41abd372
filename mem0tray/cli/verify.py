"""`mem0tray verify` and `migrate`: what servers have of what was delivered."""

import os
import sys
from typing import Any, Final

import click

from mem0tray.actions import migrate, verify
from mem0tray.actions.migrate import Brought, KeyRefusedError, Migration
from mem0tray.actions.verify import MissingMemory, Verified
from mem0tray.cli import arguments, output
from mem0tray.cli.arguments import project_alone, project_option
from mem0tray.cli.output import Style
from mem0tray.config.server_choice import ServerNames, in_sentence
from mem0tray.config.settings import Settings
from mem0tray.core import text
from mem0tray.core.errors import Mem0TrayError, UsageError
from mem0tray.core.text import one_line, plural
from mem0tray.system import programs

_COUNTS: Final = (
    "sample", "delivered", "asked", "there", "cannot_tell", "cannot_tell_why", "waiting_again"
)  # fmt: skip
_SHOWN: Final = 100  # missing memories that people read by name


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

    What is missing can be queued again if a file here still has its text. Exits with 1 where
    something is missing and was not queued again, or the server did not say.
    """
    settings = arguments.load_there()
    project = project_alone(project)
    with output.Progress("memories asked for") as progress:
        found = verify.verify(settings, project, sample, progress, queues=requeue)
    if as_json:
        output.print_json(_document(found))
    else:
        _print(found, project)
    _judge(found, project, requeue=requeue)


def _print(found: Verified, project: str | None) -> None:
    missing = found.missing
    if missing:
        rows = [
            (each.memory.id, each.memory.project, text.moment(each.memory.at), _about_text(each))
            for each in missing[:_SHOWN]
        ]
        headers = ("ID", "PROJECT", "DELIVERED", "ITS TEXT")
        output.print_table(headers, rows, cut={"ID", "PROJECT", "ITS TEXT"})
    if len(missing) > _SHOWN:
        output.say(f"… and {len(missing) - _SHOWN:,} more: `--json` names them all.")
    output.say(_summary(found, project), Style.WARNING if missing else Style.PLAIN)
    for why, number in found.cannot_tell_why.items():
        output.say(f"Nobody can tell about {plural(number, 'memory', 'memories')}: {why}.")
    if found.waiting_again:
        waits = plural(found.waiting_again, "further memory waits", "further memories wait")
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
    if found.sample:
        what = f"a sample of {what} among the {found.delivered:,}"
    unclear = f", {found.cannot_tell:,} that it does not tell of" if found.cannot_tell else ""
    return (
        f"Asked for {what}{of} that went to {there}: {found.there:,} there,"
        f" {len(found.missing):,} missing{unclear}."
    )


def _judge(found: Verified, project: str | None, *, requeue: bool) -> None:
    there = in_sentence(found.destination)
    if found.trouble:
        raise Mem0TrayError(found.trouble, "What was not asked for is not counted.")
    lost = [each for each in found.missing if not each.queued]
    if lost:
        known = sum(each.can_be_queued for each in lost)
        remedy = "`mem0tray restore --list` shows what was deleted here."
        if known and not requeue:
            of = f" -p {programs.quote(project)}" if project is not None else ""
            remedy = f"`mem0tray verify{of} --requeue` queues {known:,} again, whose text is known."
        are = plural(len(lost), "memory is", "memories are")
        raise Mem0TrayError(f"{are} missing on {there}.", remedy)
    if found.asked and found.cannot_tell == found.asked:
        raise Mem0TrayError(f"Nobody can tell what {there} has.")


def _document(found: Verified) -> dict[str, Any]:
    return {
        "destination": found.destination or None,
        "answered": not found.trouble,
        "reason": found.trouble or None,
        **{name: getattr(found, name) for name in _COUNTS},
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


# Migrate -----------------------------------------------------------------------------------------


@arguments.command(
    "migrate",
    {
        "mem0tray migrate --dry-run": "what there is to bring over",
        "mem0tray migrate": "",
        "mem0tray migrate --from local -p garden": "one project of this computer's server",
    },
)
@click.option(
    "--from",
    "former",
    metavar="ADDRESS",
    help="The former server: its address, or `local` for this computer's own. Default: the one"
    " that has memories.",
)
@project_option("Only this project.")
@click.option("--dry-run", is_flag=True, help="Look at everything, and queue nothing.")
@arguments.json_option("Print one JSON document, at the end.")
def migrate_(*, former: str | None, project: str | None, dry_run: bool, as_json: bool) -> None:
    """Bring over what only a former server has: queue it again for the present one.

    The worker delivers it like everything else; typed again after Ctrl-C the command goes on. If
    the former server wants an API key, it is taken from the variable MEM0TRAY_MIGRATE_KEY, or asked
    for. Exits with 1 where something could not be read back from there.
    """
    settings = arguments.load_there()
    project = project_alone(project)
    there = migrate.chosen(settings, settings.locations())
    name = _former(settings, there, former)
    if name == there.name:
        _move(settings, project, dry_run=dry_run, as_json=as_json)
        return
    brought = Brought()
    if name is not None:
        brought = _run(settings, name, project, dry_run=dry_run)
    where = in_sentence(name or "")
    if as_json:
        whose = {"from": name, "to": there.name, "project_id": project, "dry_run": dry_run}
        output.print_json(whose | _as_document(brought))
    elif name is None:
        output.say(f"No former server is known to have a memory that {there.shown} lacks.")
        output.say("`mem0tray migrate --from ADDRESS` looks at what another server has.")
    else:
        _print_moved(brought, where, in_sentence(there.shown), dry_run=dry_run)
    if brought.unread:
        raise Mem0TrayError(
            f"{plural(len(brought.unread), 'memory', 'memories')} that went to"
            f" {where} cannot be read back from there:"
            f" {text.some([f'{each.id} of {each.project!r}' for each in brought.unread])}.",
            "Deleted or changed there since, or beyond what it lists; --json names all.",
        )


def _move(settings: Settings, project: str | None, *, dry_run: bool, as_json: bool) -> None:
    done = left = 0
    with output.Progress("memories kept anew") as progress:
        for moved in migrate.move_there(settings, project, dry_run=dry_run):
            done, left = done + moved, left + (not moved)
            progress(done, done + left)
    if as_json:
        output.print_json({"dry_run": dry_run, "moved": done, "left": left})
    else:
        output.say(f"{plural(done, 'memory', 'memories')} kept anew, {left:,} left as before.")
    if left and not dry_run:
        raise Mem0TrayError("Not all are kept anew.", "Wait until nothing waits, and try again.")


def _former(settings: Settings, there: ServerNames, given: str | None) -> str | None:
    if given is not None:
        name = migrate.named(given)
        if name == there.name and not settings.server.user:
            raise UsageError(
                f"{given!r} is the present server.", "Name the one that memories are to come from."
            )
        return name
    found = migrate.candidates(settings.locations(), there)
    if len(found) > 1:
        several = ", ".join(
            f"{name} ({plural(count, 'memory', 'memories')})" for name, count in found.items()
        )
        raise UsageError(
            f"More than one former server has something: {several}.", "Choose one with --from."
        )
    return next(iter(found), None)


def _run(settings: Settings, former: str, project: str | None, *, dry_run: bool) -> Brought:
    run = Migration(settings, former, project, dry_run=dry_run)
    try:
        with output.Progress("memories read") as progress:
            return run.run(progress)
    except KeyRefusedError:
        if migrate.KEY in os.environ or not sys.stdin.isatty():
            raise
    except (KeyboardInterrupt, Mem0TrayError):
        if run.queued:
            queued = plural(run.queued, "memory is", "memories are")
            output.remark(f"{queued} queued so far. Type the command again to go on.")
        raise
    asked = f"API key of {one_line(former, 80)}"
    os.environ[migrate.KEY] = click.prompt(asked, hide_input=True, err=True)
    return _run(settings, former, project, dry_run=dry_run)


def _print_moved(brought: Brought, where: str, chosen: str, *, dry_run: bool) -> None:
    sums = brought.sums
    output.say(f"Found on {where}: {plural(sums.found, 'memory', 'memories')}.")
    counts = [
        ("waiting", sums.waiting, "already queued, and not delivered yet"),
        ("there", sums.present, f"already on {chosen}"),
        ("deleted", sums.deleted, "deleted here, and left where they are"),
        ("not read", sums.unread, "which cannot be read back from there"),
    ]
    verb = "would be queued" if dry_run else "queued now"
    facts = [(name, f"{count:,} {what}") for name, count, what in counts if count]
    output.print_facts([(verb, f"{sums.queued:,} for {chosen}"), *facts])
    if brought.forgotten:
        some = text.some([each.id for each in brought.forgotten])
        output.say(f"Erased here for good, and perhaps still on {where}: {some}.")
    if brought.is_one:
        output.say(
            f"{where} and {chosen} show the same memories: they are one server, or one is a copy."
            " Only what is known here was looked at; the worker asks before it sends."
        )
    if not brought.names_projects:
        output.say(f"{where} does not say which projects it has: those known here were read.")
    if brought.cut:
        some = text.some(brought.cut)
        output.say(f"{where} shows only the newest of {some}: older ones of others may be left.")
    if sums.queued and not dry_run:
        output.say("The worker delivers them: `mem0tray status` shows how many wait.", Style.DIM)


def _as_document(brought: Brought) -> dict[str, Any]:
    return {
        **brought.sums._asdict(),
        "same_server": brought.is_one,
        "names_projects": brought.names_projects,
        "cut_projects": brought.cut,
        "forgotten_ids": [each.id for each in brought.forgotten],
        "unread_memories": [
            {"id": each.id, "project_id": each.project, "hash": each.digest.hex()}
            for each in brought.unread
        ],
    }
