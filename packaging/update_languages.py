"""`packaging/update languages`: brings the catalogs in `mem0tray/locale` up to date.

For each language there is one file to edit, `LC_MESSAGES/mem0tray.po`, and the
`mem0tray.mo` beside it that the program reads. Every text of the program must
stand in it, translated; what the program no longer says is dropped. Further
`*.po` files in a language's folder are merged, win over what stood there, and
are then removed: so can several people translate at once.
"""

import io
import string
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import environment
from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

PACKAGE: Final = environment.ROOT / "mem0tray"
LOCALE: Final = PACKAGE / "locale"
CATALOG: Final = Path("LC_MESSAGES", "mem0tray.po")
METHODS: Final = [("**.py", "python"), ("**.html", "jinja2")]
# As `mem0tray.window.page` reads its templates; a mistake in one is to be seen.
OPTIONS: Final = {"**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}}
KEYWORDS: Final = {"_": None, "gettext": None, "ngettext": (1, 2), "Reason": None}
HEADERS: Final = ("Language", "MIME-Version", "Content-Type", "Content-Transfer-Encoding")
PLURALS: Final = "Plural-Forms"
COMMENT: Final = """\
# {language} texts of mem0tray: menu, notifications, dialogs, window.
# Change them here; packaging/update languages then sorts and compiles them."""
WIDTH: Final = 100


class Texts(Catalog):
    """A catalog whose header tells no date and no tool: it changes when a text does."""

    def __init__(self, code: str) -> None:
        comment = COMMENT.format(language=Locale.parse(code).english_name)
        super().__init__(locale=code, header_comment=comment, charset="utf-8", fuzzy=False)

    def __iter__(self) -> Iterator[Message]:
        """The header, then the texts."""
        header, *texts = super().__iter__()
        lines = str(header.string).split("\n")
        kept = [line for line in lines if line.partition(":")[0] in (*HEADERS, PLURALS)]
        header.string = "\n".join(kept)
        yield header
        yield from texts


def main() -> None:
    """Bring every language up to date, or say what keeps it from being so."""
    used = collected()
    for folder in sorted(path for path in LOCALE.iterdir() if path.is_dir()):
        fragments = sorted(folder.glob("*.po"))
        texts = Texts(folder.name)
        known = translated([folder / CATALOG, *fragments])
        for message in used.values():
            there = known.pop(name(message), None)
            # A text that has got a plural since it was translated is missing.
            if there is None or len(forms(there.id)) != len(forms(message.id)):
                texts.add(message.id)
            else:
                texts.add(message.id, there.string, flags=there.flags)
        if found := list(problems(texts)):
            environment.fail("\n".join([f"{folder.name}: nothing was written.", *found]))
        target = folder / CATALOG
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(written(texts))
        target.with_suffix(".mo").write_bytes(compiled(texts))
        for fragment in fragments:
            fragment.unlink()
        for dropped in sorted(known):
            print(f"{folder.name}: no longer used: {dropped!r}")
        print(f"{folder.name}: {len(used)} texts, all translated.")


def collected(package: Path = PACKAGE) -> dict[str, Message]:
    """Every text that the program's sources and templates show, by its name."""
    texts = Catalog()
    for _file, _line, text, _comments, _context in extract_from_dir(
        package, METHODS, OPTIONS, KEYWORDS
    ):
        texts.add(text)
    return {name(message): message for message in texts if message.id}


def translated(files: Iterable[Path]) -> dict[str, Message]:
    """What stands in these files, a later one winning over the first; fragments must agree."""
    known: dict[str, Message] = {}
    where: dict[str, Path] = {}
    for file in files:
        if not file.exists():
            continue
        for message in read(file):
            key = name(message)
            other = where.get(key)
            if other and other.parent == file.parent and known[key].string != message.string:
                environment.fail(f"{other.name} and {file.name} differ about {key!r}: choose one.")
            known[key], where[key] = message, file
    return known


def read(file: Path) -> list[Message]:
    """The texts in a file, without its header and without what it says is obsolete."""
    with file.open(encoding="utf-8") as stream:
        found = read_po(stream, ignore_obsolete=True, charset="utf-8", abort_invalid=True)
    return [message for message in found if message.id]


def problems(texts: Catalog) -> Iterator[str]:
    """What is not ready to be shown: missing, in doubt, or with other placeholders."""
    for message in texts:
        if not message.id:
            continue
        sources, targets = forms(message.id), forms(message.string)
        if not all(targets) or len(targets) != (texts.num_plurals if len(sources) > 1 else 1):
            yield f"missing: {name(message)!r}"
        elif message.fuzzy:
            yield f"in doubt (fuzzy): {name(message)!r}"
        else:
            wanted = placeholders(sources[-1])
            yield from (
                f"other placeholders than in {sources[-1]!r}: {target!r}"
                for target in targets
                if placeholders(target) != wanted
            )


def placeholders(text: str) -> set[str]:
    """The names that `str.format` fills in."""
    return {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}


def written(texts: Catalog) -> bytes:
    """The file to edit."""
    buffer = io.BytesIO()
    write_po(buffer, texts, width=WIDTH, sort_output=True, no_location=True)
    return buffer.getvalue()


def compiled(texts: Catalog) -> bytes:
    """The file that the program reads."""
    buffer = io.BytesIO()
    write_mo(buffer, texts)
    return buffer.getvalue()


def catalog(code: str, messages: Iterable[Message]) -> Texts:
    """These texts as a catalog."""
    texts = Texts(code)
    for message in messages:
        texts.add(message.id, message.string, flags=message.flags)
    return texts


def name(message: Message) -> str:
    """What gettext looks a text up by: of two forms the first."""
    return forms(message.id)[0]


def forms(text: str | Iterable[str] | None) -> list[str]:
    """One text, or one for each number."""
    return [text or ""] if text is None or isinstance(text, str) else list(text)


if __name__ == "__main__":
    main()
