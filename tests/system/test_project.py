"""The project of a folder."""

import subprocess
from pathlib import Path

import pytest

from mem0tray.system import project
from tests.support import needs


def git(folder: Path, *words: str) -> None:
    environ = {"PATH": "/usr/bin:/bin", "GIT_CONFIG_GLOBAL": "/dev/null", "HOME": str(folder)}
    subprocess.run(["git", "-C", str(folder), *words], env=environ, check=True, capture_output=True)  # noqa: S607


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init")
    return folder


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://example.com/someone/garden.git", "garden"),
        ("https://example.com/someone/garden/", "garden"),
        ("git@example.com:someone/garden.git", "garden"),
        ("example.com:garden", "garden"),
        ("../garden.git", "garden"),
        ("C:\\code\\garden", "garden"),
        ("https://example.com/", "example.com"),
        ("", ""),
    ],
)
def test_a_repository_goes_by_the_end_of_its_address(address: str, name: str) -> None:
    assert project.repository_name(address) == name


@needs.GIT
def test_the_variable_names_the_project_first(repository: Path) -> None:
    assert project.of_folder(repository, {"MEM0_PROJECT_ID": " roses "}) == "roses"
    assert project.of_folder(repository, {"MEM0_PROJECT_ID": " "}) == "checkout"


@needs.GIT
def test_the_remote_names_the_project_of_each_folder_in_the_repository(repository: Path) -> None:
    within = repository / "docs"
    within.mkdir()
    assert project.of_folder(within, {}) == "docs"
    git(repository, "remote", "add", "upstream", "https://example.com/them/tools.git")
    assert project.of_folder(within, {}) == "tools"
    git(repository, "remote", "add", "origin", "git@example.com:me/garden.git")
    assert project.of_folder(within, {}) == "garden"


@needs.GIT
def test_the_folder_names_the_project_without_git(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(repository, "remote", "add", "origin", "git@example.com:me/garden.git")
    monkeypatch.setenv("PATH", str(repository))
    assert project.of_folder(repository, {}) == "checkout"
    assert project.of_folder(repository.parent, {}) == repository.parent.name


def test_the_root_of_a_disk_names_nothing() -> None:
    assert project.of_folder(Path("/"), {}) == ""
    assert project.of_session(Path("/"), {}) == "root"
    assert project.of_session(Path("/"), {"MEM0_PROJECT_ID": "named"}) == "named"


@pytest.mark.parametrize("name", ["gar\0den", "gar\ud800den"])
def test_a_folder_that_no_system_can_have_still_has_its_name(name: str) -> None:
    assert project.of_folder(Path("/x", name), {}) == name
