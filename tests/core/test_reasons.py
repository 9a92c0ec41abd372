"""Reasons in the user's language: every sentence of ours, and nothing that others have said."""

import ast
import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import mem0tray
from mem0tray.config import server_choice, settings
from mem0tray.core import errors
from mem0tray.core.errors import SettingsError
from mem0tray.core.language import Language
from mem0tray.core.reason_texts import TEXTS
from mem0tray.core.reasons import translated
from mem0tray.server.failures import classify, health
from mem0tray.server.model import Fault, Reply

PACKAGE = Path(mem0tray.__file__).parent
FRENCH = Language("fr")
# What says in English what it has to say: commands, and what is raised only for them.
_FOR_COMMANDS = (
    "cli", "demo", "localserver/serve.py", "localserver/store.py", "actions/sources.py",
    "desktop/alert_command.py",
)  # fmt: skip
_ERRORS = {name for name in vars(errors) if name.endswith("Error")}
_SAYING = _ERRORS | {
    "LocalServerError", "UnreachableError", "Cause", "Health", "Answer", "WorkerState", "block",
    "_ill",
}  # fmt: skip
# Never shown as a reason: for the log, for programmers, or caught where they are raised.
_UNSEEN = (
    "It shows ", "For an icon, ", "The worker has not begun.",
    "mem0tray is already running", "Use `mem0tray status`",
    "No editor was found", "Set $VISUAL", "The editor ", "Look whether ",
    "Give more of the id", "There is no setting", "`mem0tray config show`", "cannot be changed in",
    "The new value of ", "Give one, or ",
    " ids begin with ", "says ", "is no entry that", "is no agent that", "is no command line",
    "It is turned off in Task Manager",
)  # fmt: skip
_OF_THE_SYSTEM = (
    "no space left", "disk quota", "permission denied", "read-only file system", "input/output",
    "no such file", "is a directory", "no route", "network is", "database or disk",
)  # fmt: skip
# Stands for what is filled in: an absolute path is also a name, a reason and a text.
_FILLED = "/7"
_NUMBER = "7"


def _words(node: ast.expr) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(
                part.value if isinstance(part, ast.Constant) else _FILLED  # type: ignore[misc]
                for part in values
            )
    return None


def _strings() -> Iterator[str]:
    """Every text in the program's modules but the table itself."""
    for file in sorted(PACKAGE.rglob("*.py")):
        if file.name != "reason_texts.py":
            tree = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            constants = [node.value for node in tree if isinstance(node, ast.Constant)]
            yield from (value for value in constants if isinstance(value, str))


def _spoken() -> Iterator[str]:
    """Every sentence that a module hands on as a reason, by the source itself."""
    for file in sorted(PACKAGE.rglob("*.py")):
        if file.relative_to(PACKAGE).as_posix().startswith(_FOR_COMMANDS):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func).rpartition(".")[2]
            if called in _SAYING:
                values = [*node.args, *(word.value for word in node.keywords)]
                yield from (text for text in map(_words, values) if text and " " in text)


def _is_translated(text: str) -> bool:
    # What is filled in may have to be a number, or a path, and what follows on it a number.
    first, *others = text.split(_FILLED)
    rest = _NUMBER.join(others)
    for sample in (text, text.replace(_FILLED, _NUMBER), f"{first}{_FILLED}{rest}"):
        if translated(sample, FRENCH) != sample:
            return True
    return not re.search("[a-z]", text)  # nothing but what others say


@pytest.mark.parametrize("text", sorted({t for t in _spoken() if not any(u in t for u in _UNSEEN)}))
def test_every_sentence_of_ours_is_known(text: str) -> None:
    """What a module gives as a reason is said in French too."""
    assert _is_translated(text)


def test_none_is_left_over() -> None:
    """Each text of the table still stands in a module, but for what the system says."""
    said = "\n".join(_strings()).lower()
    for text in TEXTS:
        if text.lower().startswith(_OF_THE_SYSTEM):
            continue
        # A sentence may be made of several strings.
        for part in re.split(r"\{\w+\}|[,;:.()]", text):
            assert part.strip().lower() in said, text


@pytest.mark.parametrize("fault", list(Fault))
def test_what_broke_off_is_known(fault: Fault) -> None:
    """However an exchange breaks off, with a status or without, the reason is in French."""
    for status in (None, 200, 302):
        reply = Reply(status, httpx.Headers(), b"", 1.0, fault)
        for reason in (classify(reply, 0.0).message, health(reply).reason):
            assert translated(reason, FRENCH) != reason


@pytest.mark.parametrize(
    ("status", "body", "english", "french"),
    [
        (503, b"", "503 Service Unavailable", "503 Service Unavailable"),
        (422, b'{"detail": "the answer is too long"}', None, None),
        (500, b"connection refused", None, None),
        (
            200,
            b'{"error": "Full."}',
            "200 OK without success: Full.",
            "200 OK sans succès\xa0: Full.",
        ),
        (
            302,
            b"",
            "302 Found, but the answer is not a JSON object",
            "302 Found, mais la réponse n’est pas un objet JSON",
        ),
    ],
)
def test_the_words_of_a_server_stay(
    status: int, body: bytes, english: str | None, french: str | None
) -> None:
    """Of an answer only what we say about it is translated."""
    message = classify(Reply(status, httpx.Headers(), body, 1.0), 0.0).message
    assert english is None or message == english
    assert translated(message, FRENCH) == (french or message)


@pytest.mark.parametrize("key", sorted(settings.keys()))
def test_every_wrong_setting_is_known(key: str) -> None:
    """Whatever is wrong with a value, the sentence is French from beginning to end."""
    for value in ("-1", "soon", "99999999999", "\0"):
        try:
            settings.check(key, value)
        except SettingsError as error:
            found = translated(str(error), FRENCH)
            assert " vaut " in found
            assert not re.search(r"\b(is|but|must|from|or|number)\b", found.partition(" mais ")[2])


@pytest.mark.parametrize(
    ("english", "french"),
    [
        ("Connection refused.", "Connexion refusée."),
        ("it names no project.", "aucun projet n’est indiqué."),
        (
            (
                "the worker (process 42) has not written its metrics for a while: `mem0tray doctor`"
                " says more"
            ),
            (
                "le programme d’envoi (processus 42) n’a pas écrit ses métriques depuis un"
                " moment\xa0: `mem0tray doctor` en dit plus"
            ),
        ),
        (
            "/a/b: No space left on device. Free some disk space.",
            "/a/b\xa0: plus d’espace sur le disque. Libérez de l’espace disque.",
        ),
        (
            "the server refuses deliveries: 401 Unauthorized: no connection",
            "le serveur refuse les envois\xa0: 401 Unauthorized: no connection",
        ),
        (f"{server_choice.CHOOSE}: {server_choice.HOW}", None),
        ("", ""),
        ("somebody else's words. And more.", "somebody else's words. And more."),
        ("detail: name: wrong", "detail: name: wrong"),
    ],
)
def test_sentences(english: str, french: str | None) -> None:
    """Sentences and phrases, several and one in another; what is not ours stays as it is."""
    found = translated(english, FRENCH)
    if french is None:
        assert found.startswith("choisissez un serveur\xa0: `mem0tray config set server.url ADR")
    else:
        assert found == french


def test_english_stays_english() -> None:
    """Log, files and commands read what the worker has worded."""
    for text in ("Connection refused.", "the server asked for a break"):
        assert translated(text, Language("en")) == text


@pytest.mark.timeout(10)
def test_hostile_words_take_no_time() -> None:
    """A text that can be cut in very many ways, or is very long, is read at once all the same."""
    began = time.process_time()
    for text in ("TLS failed: a. " * 60, "x is y, but it must be " * 40, "no connection. " * 10**6):
        translated(text, FRENCH)
    assert time.process_time() - began < 8
