"""The engine's notes of volumes: labels without the engine, and the volumes that plugins keep elsewhere."""

import json
import os

import pytest

from bolt.conftest import write, writer  # noqa: F401 - fixtures
from docker_storage_exporter.inventory.disk import DiskReader, read_disk
from docker_storage_exporter.inventory.volumedb import VolumeNotes

LABELS = {"com.docker.compose.project": "shop", "owner": "team", "other": "x"}


@pytest.fixture
def note(write, tmp_path):  # noqa: F811 - a fixture
    """Note volumes in the database of a data root, which has a folder for each of the local driver."""
    (tmp_path / "docker/volumes").mkdir(parents=True)

    def note(**documents):
        steps = []
        for name, document in documents.items():
            if document.get("Driver") == "local":
                (tmp_path / f"docker/volumes/{name}/_data").mkdir(parents=True, exist_ok=True)
            steps.append(("put", [b"volumes"], name.encode(), json.dumps({"Name": name, **document}).encode()))
        write(steps, path=tmp_path / "docker/volumes/metadata.db")
        return str(tmp_path / "docker")

    return note


def volumes(path, reader=None, labels=("com.docker.compose.project", "owner")):
    found = read_disk(path, None, path, 0.0, reader or DiskReader(labels)).volumes
    return {volume.name: (volume.driver, dict(volume.labels)) for volume in found}


def test_volumes_on_disk_have_the_labels_that_are_wanted(note):
    root = note(data={"Driver": "local", "Labels": LABELS}, plain={"Driver": "local"})

    wanted = {"com.docker.compose.project": "shop", "owner": "team"}
    assert volumes(root) == {"data": ("local", wanted), "plain": ("local", {})}


def test_a_plugin_s_volume_is_there_and_a_local_one_without_a_folder_is_not(note, tmp_path):
    root = note(far={"Driver": "rexray", "Labels": {"owner": "team"}}, gone={"Driver": "local"})
    (tmp_path / "docker/volumes/gone/_data").rmdir()
    (tmp_path / "docker/volumes/gone").rmdir()

    assert volumes(root) == {"far": ("rexray", {"owner": "team"})}


def test_a_change_is_seen_and_without_one_nothing_is_read_again(note):
    root = note(data={"Driver": "local", "Labels": {"owner": "one"}})
    notes = VolumeNotes(("owner",))
    first = notes.read(root)

    assert notes.read(root) is first
    note(data={"Driver": "local", "Labels": {"owner": "another team"}}, more={"Driver": "local"})
    assert notes.read(root)["data"].labels == {"owner": "another team"}
    os.unlink(f"{root}/volumes/metadata.db")
    assert notes.read(root) == {}


@pytest.mark.parametrize("content", [b"", b"x" * 100_000])
def test_what_cannot_be_read_now_is_as_it_was(note, tmp_path, content):
    root = note(data={"Driver": "local", "Labels": {"owner": "team"}})
    reader = DiskReader(("owner",))
    before = volumes(root, reader)
    (tmp_path / "docker/volumes/metadata.db").write_bytes(content)

    assert volumes(root, reader) == before == {"data": ("local", {"owner": "team"})}
    assert volumes(root) == {"data": ("local", {})}


@pytest.mark.parametrize(
    "document", [{"Driver": 7}, {"Driver": "local", "Labels": "x"}, {"Driver": "local", "Labels": {"owner": 7}}, {}]
)
def test_a_note_that_no_engine_writes_costs_only_itself(note, document):
    root = note(odd=document, data={"Driver": "local", "Labels": {"owner": "team"}})

    assert volumes(root)["data"] == ("local", {"owner": "team"})


def test_a_link_in_the_place_of_the_database_is_not_followed(note, tmp_path):
    root = note(data={"Driver": "local", "Labels": {"owner": "team"}})
    os.rename(f"{root}/volumes/metadata.db", tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", f"{root}/volumes/metadata.db")

    assert volumes(root) == {"data": ("local", {})}
