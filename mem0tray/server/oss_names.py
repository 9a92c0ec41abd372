"""Names as the official Mem0 server takes them, for its clients and for a server that is like it.

It takes no white space in the name of a user, agent or run.
"""

import re
from typing import Final
from urllib.parse import quote, unquote_to_bytes

ID: Final = "mem0tray_id"  # in the metadata of a memory: our key of it
PROJECT: Final = "mem0tray_project"  # in the metadata too: the project, where its name is another
_ODD: Final = re.compile(r"[\s%]")
ANY: Final = "*"  # in a filter of it, whatever the value


def name_of(text: str) -> str:
    """Make of a project or user a name that the server takes: without white space.

    White space and `%` are percent-encoded; so is the name that stands for every other.
    """
    if text == ANY:
        return quote(text, safe="")
    return _ODD.sub(lambda found: quote(found[0], safe=""), text)


def project_of(name: str) -> str:
    """Return the project for which `name_of` made this name; any other stands for itself."""
    try:
        project = unquote_to_bytes(name.encode("utf-8", "surrogatepass")).decode(
            "utf-8", "surrogatepass"
        )
    except UnicodeDecodeError:
        return name
    return project if name_of(project) == name else name
