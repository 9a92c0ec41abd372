"""winget's manifest of a release, by winget's own schemas.

They are not ours to keep: put those of schemas/JSON/manifests in microsoft/winget-cli into SCHEMAS.
"""

import json
import tomllib

import build_windows
import environment
import pytest

from tests.support import needs

SCHEMAS = environment.ROOT / ".cache" / "winget"

pytestmark = [pytest.mark.slow, needs.there(SCHEMAS)]


@pytest.mark.parametrize("end", ["", ".installer", ".locale.en-US"])
def test_the_manifest_is_as_winget_wants_it(end: str) -> None:
    import jsonschema  # the client `mcp` needs it too

    project = tomllib.loads(environment.PYPROJECT.read_text(encoding="utf-8"))["project"]
    manifest = build_windows.manifests(project, "https://example.org/x.exe", "0" * 64)[end]
    name = f"manifest.{manifest['ManifestType']}.{manifest['ManifestVersion']}.json"
    schema = json.loads((SCHEMAS / name).read_text(encoding="utf-8"))
    assert schema["properties"].keys() >= manifest.keys()
    jsonschema.validate(manifest, schema)
