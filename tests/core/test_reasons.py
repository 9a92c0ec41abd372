"""Reasons: data to decide by, in English for files and logs, translated for people."""

import ast
import errno
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mem0tray
from mem0tray.config import config_file, server_choice, settings
from mem0tray.core import errors, reasons, state
from mem0tray.core.errors import Mem0TrayError, SettingsError, UsageError
from mem0tray.core.language import Language
from mem0tray.core.reasons import Reason
from mem0tray.files import atomic
from mem0tray.ledger.rows import from_kept, kept
from mem0tray.server.answers import classify, health
from mem0tray.server.model import Fault, Reply
from tests.support import needs

PACKAGE = Path(mem0tray.__file__).parent
FRENCH = Language("fr")
FULL = OSError(errno.ENOSPC, "No space left on device")
# What says in English what it has to say: commands, and what is raised only for them.
_FOR_COMMANDS = (
    "agents", "cli", "demo", "localserver/serve.py", "localserver/store.py",
    "actions/backups.py",
)  # fmt: skip
_ERRORS = {name for name in vars(errors) if name.endswith("Error")}
_SAYING = _ERRORS | {
    "Cause", "Health", "WorkerState", "block",
}  # fmt: skip
# Never shown as a reason: for the log, for programmers, or caught where they are raised.
_UNSEEN = (
    "It is asked to show ", "For an icon, ", "The worker has not begun.",
    "mem0tray is already running", "Use `mem0tray status`",
    "There is no terminal for an editor", "Run this in a terminal, ", "Nothing of the project ",
     "`mem0tray stats` shows the projects.",
    "Give more of the id", "There is no setting", "`mem0tray config show`", "cannot be changed in",
    "The new value of ", "Give one, or ", " ids begin with ",
    "Mend it with `mem0tray config edit`.", "is empty and names nothing",
    "Nothing was queued: ", "Choose a shorter one.", "Add it in parts.",
    "whose files belong to other programs too", "Nothing was removed. Move it ",
    "and would lose what it writes", "Settings and memories were left ",
    "is no longer there as it was", " says more.",
    "Some of these memories wait here", "with a command each.",
    "The embedded server does not run.", "`mem0tray run` starts it with the worker; ",
)  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "english", "french"),
    [
        (Reason("connection refused"), "connection refused", "connexion refusée"),
        (
            reasons.sentence(Reason("connection refused")),
            "Connection refused.",
            "Connexion refusée.",
        ),
        (reasons.sentence(reasons.quoted("odd.")), "Odd.", "Odd."),
        (
            atomic.unavailable(Path("/a/b"), FULL).reason,
            f"{Path('/a/b')}: No space left on device. Free some disk space.",
            f"{Path('/a/b')}\xa0: plus d’espace sur le disque. Libérez de l’espace disque.",
        ),
        (
            state.refusal("401 Unauthorized: no connection.", 401),
            "the server refuses deliveries: 401 Unauthorized: no connection.",
            "le serveur refuse les envois\xa0: 401 Unauthorized: no connection.",
        ),
        pytest.param(
            state.another_worker(42, None, "kill 42"),
            "another worker runs as process 42: stop it with `kill 42`",
            "un autre programme d’envoi tourne (processus 42)\xa0: arrêtez-le avec `kill 42`",
            marks=needs.SIGNALS,
        ),
        (reasons.quoted("connection refused"), "connection refused", "connection refused"),
        (reasons.NONE, "", ""),
    ],
    ids=["phrase", "sentence", "stopped", "nested", "foreign", "remedy", "quoted", "none"],
)
def test_words(reason: Reason, english: str, french: str) -> None:
    assert str(reason) == reason.said(Language("en")) == english
    assert reason.said(FRENCH) == french


def test_reasons_are_alike_if_words_and_arguments_are_and_those_of_others_are_known() -> None:
    assert reasons.is_quoted(reasons.quoted("refused"))
    assert not reasons.is_quoted(Reason("refused"))
    assert Reason("{n} waits", n=1) == Reason("{n} waits", n=1)
    assert Reason("{n} waits", n=1) != Reason("{n} waits", n=2)
    assert Reason("waits") != Reason("waits no more")


def test_an_error_is_a_reason() -> None:
    error = atomic.unavailable(Path("/a"), FULL)
    what, remedy = reasons.parted(error.reason)
    assert (str(what), str(remedy)) == (error.message, error.remedy)
    assert str(error.reason) == str(error)
    assert Mem0TrayError("Odd.", "Wait.").reason.said(FRENCH) == "Odd. Wait."
    assert reasons.parted(Mem0TrayError("Odd.").reason)[1] == reasons.NONE
    assert reasons.advised(reasons.NONE, what) == what


@pytest.mark.parametrize(
    "reason",
    [
        server_choice.CHOOSE, state.refusal("401 {odd} \ud83d", 401),
        atomic.unavailable(Path("/a"), FULL).reason, reasons.NONE,
    ],
    ids=["choose", "refusal", "file", "none"],
)  # fmt: skip
def test_a_reason_crosses_files(reason: Reason) -> None:
    found = json.loads(json.dumps(reason.document()))
    assert reasons.read(found["id"], found["arguments"]) == reason


def _deeper(inner: dict[str, Any], _: int) -> dict[str, Any]:
    return {"id": "{a}", "arguments": {"a": inner}}


@pytest.mark.parametrize(
    ("id", "arguments", "said"),
    [
        (None, None, ""), (5, {}, ""), ("x" * 5000, {}, ""), ("odd", [], ""),
        ("{a.__class__} {b[0]} {c:>99999999}", {"a": "A", "b": "B", "c": "C"}, None),
        ("{a} {gone} {", {"a": "A"}, "{a} {gone} {"), ("{a} {gone}", {"a": "A"}, "A {gone}"),
        ("{a}", {"a": None}, "{a}"), ("{a}", {"a": {"id": "in", "arguments": {}}}, "in"),
        ("{a}", {"a": {"arguments": {}}}, ""), ("{a}", {"a": "{b} {0} {x.y}"}, "{b} {0} {x.y}"),
        ("{a}", {"a": functools.reduce(_deeper, range(400), {"id": "x", "arguments": {}})}, ""),
    ],
)  # fmt: skip
def test_hostile_files_do_no_harm(id: Any, arguments: Any, said: str | None) -> None:  # noqa: A002
    found = reasons.read(id, arguments)
    assert said is None or str(found) == said
    assert len(str(found)) < 3000
    assert "class '" not in str(found)
    assert found.said(FRENCH) is not None


def test_what_is_looked_for_is_found() -> None:
    whole = reasons.advised(state.refusal("401", 401), Reason("do it"))
    found = whole.find(state.REFUSES)
    assert found is not None
    assert found.get("status") == 401
    assert whole.find("nothing like it") is None
    assert str(whole.replaced("answer", "403")) == "the server refuses deliveries: 403. do it"


@pytest.mark.parametrize("fault", list(Fault))
def test_what_broke_off_is_known(fault: Fault) -> None:
    for status in (None, 200, 302):
        reply = Reply(status, {}, b"", 1.0, fault)
        reason = health(reply, healthy=False).reason
        assert reason.said(FRENCH) != str(reason)
    outcome = classify(Reply(None, {}, b"", 1.0, fault), 0.0, bool)
    again = from_kept(kept(outcome.reason))
    assert again == outcome.reason
    assert again.said(FRENCH) != str(again) == outcome.message


@pytest.mark.parametrize("key", sorted(settings.keys()))
def test_every_wrong_setting_is_known(key: str) -> None:
    for value in ("-1", "soon", "99999999999", "\0"):
        try:
            config_file.checked(key, value)
        except SettingsError as error:
            found = error.reason.said(FRENCH)
            assert " devrait être " in found
            english = {"is", "but", "must", "from", "or", "number", "between"}
            assert not english & set(found.partition(" devrait être ")[2].split())


def _literals() -> Iterator[str]:
    """Every text that a module hands on as a reason without making it one."""
    for file in sorted(PACKAGE.rglob("*.py")):
        if file.relative_to(PACKAGE).as_posix().startswith(_FOR_COMMANDS):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in _SAYING:
                for value in (*node.args, *(word.value for word in node.keywords)):
                    if isinstance(value, ast.JoinedStr | ast.Constant):
                        text = ast.unparse(value)
                        if " " in text:
                            yield text


def test_every_sentence_of_ours_is_a_reason() -> None:
    assert [t for t in _literals() if not any(unseen in t for unseen in _UNSEEN)] == []


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "No space left on device"), (errno.EDQUOT, "Disk quota exceeded"),
        (errno.EACCES, "Permission denied"), (errno.EROFS, "Read-only file system"),
        (errno.EIO, "Input/output error"), (errno.ENOENT, "No such file or directory"),
        (errno.EISDIR, "Is a directory"), (errno.EHOSTUNREACH, "No route to host"),
        (errno.ENETUNREACH, "Network is unreachable"),
    ],
)  # fmt: skip
def test_a_usual_error_of_the_system_is_told_in_the_language_of_the_user(
    number: int, words: str
) -> None:
    told = reasons.of_system(OSError(number, words))
    assert str(told) == words
    assert told.said(FRENCH) != words
    assert reasons.of_system(OSError(number, "Kein Weg")) == reasons.quoted("Kein Weg")


def test_a_rare_error_of_the_system_is_told_as_it_is() -> None:
    assert reasons.of_system(OSError(errno.EMFILE, "Too many")) == reasons.quoted("Too many")
    assert reasons.of_system(OSError("odd")) == reasons.quoted("odd")


def test_no_reason_stays_none() -> None:
    for of in (reasons.sentence, reasons.bare, reasons.stopped):
        assert of(reasons.NONE) == reasons.NONE
    assert str(reasons.stopped(reasons.quoted("It broke"))) == "It broke."
    assert str(reasons.stopped(reasons.quoted("It broke."))) == "It broke."


ALL = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind is not Reason]


@pytest.mark.parametrize("kind", ALL)
def test_a_command_ends_with_1_or_with_2_for_wrong_settings(kind: type[Mem0TrayError]) -> None:
    error = kind("It broke.", "Mend it.")
    assert error.exit_code == (2 if kind in {SettingsError, UsageError} else 1)
    assert not error.disk_failed
    assert (error.message, error.remedy, str(error)) == (
        "It broke.", "Mend it.", "It broke. Mend it.",
    )  # fmt: skip
