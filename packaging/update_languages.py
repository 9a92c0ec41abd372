"""`packaging/update languages`: brings the catalogs in `mem0tray/locale` up to date.

For each language there is one file to edit, `LC_MESSAGES/mem0tray.po`, and the
`mem0tray.mo` beside it that the program reads. Every text of the program must
stand in it, translated; what the program no longer says is dropped.
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
CATALOGS: Final = sorted(PACKAGE.glob("locale/*/LC_MESSAGES/mem0tray.po"))
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
    for file in CATALOGS:
        texts = read(file)
        texts.update(used, no_fuzzy_matching=True)
        if found := list(problems(texts)):
            environment.fail("\n".join([f"{file}: nothing was written.", *found]))
        with file.open("wb") as stream:
            options = {"no_location": True, "sort_output": True, "ignore_obsolete": True}
            write_po(stream, texts, width=WIDTH, **options)
        file.with_suffix(".mo").write_bytes(compiled(texts))
        for dropped in texts.obsolete.values():
            print(f"{texts.locale}: no longer used: {dropped.id!r}")
        print(f"{texts.locale}: {len(texts)} texts, all translated.")


def collected() -> Catalog:
    """Every text that the program's sources and templates show."""
    texts = Catalog()
    for _, _, text, _, _ in extract_from_dir(PACKAGE, METHODS, OPTIONS, KEYWORDS):
        texts.add(text)
    return texts


def read(file: Path) -> Texts:
    """The texts in a file, without what it says is obsolete."""
    texts = Texts(file.parents[1].name)
    with file.open(encoding="utf-8") as stream:
        for message in read_po(stream, ignore_obsolete=True, charset="utf-8", abort_invalid=True):
            if message.id:
                texts[message.id] = message
    return texts


def problems(texts: Catalog) -> Iterator[str]:
    """What is not ready to be shown: missing, in doubt, or with other placeholders."""
    for message in texts:
        if not message.id:
            continue
        sources, targets = forms(message.id), forms(message.string)
        if not all(targets) or len(targets) != (texts.num_plurals if len(sources) > 1 else 1):
            yield f"missing: {sources[0]!r}"
        elif message.fuzzy:
            yield f"in doubt (fuzzy): {sources[0]!r}"
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


def compiled(texts: Catalog) -> bytes:
    """The file that the program reads."""
    buffer = io.BytesIO()
    write_mo(buffer, texts)
    return buffer.getvalue()


def forms(text: str | Iterable[str] | None) -> list[str]:
    """One text, or one for each number."""
    return [text or ""] if text is None or isinstance(text, str) else list(text)


if __name__ == "__main__":
    main()
