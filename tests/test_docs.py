"""The documents say what the code says."""

import importlib.util
import re
from pathlib import Path

import pytest

from docker_storage_exporter import __version__, cli, errors
from docker_storage_exporter.collector.catalogue import LIVE_FAMILIES, OBJECT_FAMILIES
from docker_storage_exporter.collector.family import Origin
from docker_storage_exporter.inventory.endpoints import ENDPOINTS
from docker_storage_exporter.layout import KINDS
from docker_storage_exporter.model.places import Skip, Unmeasured

PROJECT = Path(__file__).parent.parent
CHART = "helm/docker-storage-exporter"
IMAGE_USERS = ("deploy/compose.yaml", "deploy/compose.socket.yaml", "deploy/stack.yaml")
DOCUMENTS = [path for folder in (".", "docs", "docs/runbooks", CHART) for path in PROJECT.glob(f"{folder}/*.md")]


def _generate():
    specification = importlib.util.spec_from_file_location("generate", PROJECT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def _text(name):
    return (PROJECT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["metrics", "settings", "exit-codes", "endpoints", "permissions"])
def test_generated_references_are_not_stale(name):
    assert getattr(_generate(), name.replace("-", "_"))() == _text(f"docs/{name}.md"), "run make docs"


@pytest.mark.parametrize("reason", [*KINDS, *Skip, *Unmeasured])
def test_every_kind_and_reason_is_explained(reason):
    assert f"| `{reason.value}` |" in _text("docs/concepts.md")


def test_the_list_of_requests_is_the_published_one():
    listed = re.findall(r"^\| `GET (/\S*)` \| (.+) \|$", _text("SECURITY.md"), re.MULTILINE)

    assert dict(listed) == ENDPOINTS


def test_exit_codes_are_those_of_the_errors():
    listed = re.findall(r"^\| (\d+) \| .* \| `(\w+)` \|$", _text("docs/exit-codes.md"), re.MULTILINE)
    codes = {kind.__name__: str(kind.exit_code) for kind in vars(errors).values() if isinstance(kind, type)}

    assert {name: code for code, name in listed} == codes


@pytest.mark.parametrize("name", ["README.md", "docs/docker.md", *IMAGE_USERS])
def test_the_image_is_named_with_the_package_s_version(name):
    assert set(re.findall(r"docker-storage-exporter:(\d[\d.]*\d)", _text(name))) == {__version__}


def test_every_size_says_where_it_comes_from():
    """The exporter's own bookkeeping has no bytes of objects: a family that forgot its origin is noticed here."""
    forgotten = {
        family.name
        for family in (*OBJECT_FAMILIES, *LIVE_FAMILIES)
        if family.unit == "bytes" and family.origin is Origin.SURVEY
    }

    assert forgotten == {"docker_storage_exporter_walked_bytes_total"}


def test_every_command_is_in_the_readme_and_explained():
    for command in cli.COMMANDS:
        assert re.search(rf"^\| `{command}\b", _text("README.md"), re.MULTILINE)
        assert f"\n## `{command}`\n" in _text("docs/commands.md")


def test_the_diagram_shows_every_room_in_import_order():
    layers = re.search(r"^layers = \[(.*?)\]", _text("pyproject.toml"), re.DOTALL | re.MULTILINE)[1]
    rooms = [name.rpartition(".")[2] for name in re.findall(r'"(.*?)"', layers)]
    shown = re.findall(r"^  (\w+) +\S", _text("CONTRIBUTING.md").partition("```text\n")[2], re.MULTILINE)

    assert shown[: len(rooms)] == rooms


def _anchors(document):
    """The names by which GitHub links to the headings of a document."""
    prose = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_between_documents_lead_somewhere(document):
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([\w-]+))?\)", document.read_text(encoding="utf-8")):
        found = document.parent / target if target else document
        assert found.exists(), target
        assert not anchor or anchor in _anchors(found), f"{target}#{anchor}"


@pytest.mark.parametrize("path", sorted((PROJECT / "docs/runbooks").glob("*.md")), ids=lambda path: path.stem)
def test_a_runbook_begins_with_what_needs_no_prometheus(path):
    now = path.read_text().partition("## Now\n\n")[2].partition("\n")[0]

    assert re.match(r"1\. .*`docker-storage-exporter (df|du|watch|doctor|health)\b", now), now
