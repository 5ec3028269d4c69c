"""What exists, read from fixture data roots."""

import json
import os
import subprocess
import sys
import time

import pytest
from conftest import need

from docker_storage_exporter.errors import AccessError, NothingToMeasureError, SettingError
from docker_storage_exporter.inventory.disk import DiskReader, Folders, check_data_root, read_disk

ID = "c" * 64
LAYER = "d" * 64


def write_container(data_root, identity=ID, **changes):
    folder = data_root / "containers" / identity
    folder.mkdir()
    config = {"ID": identity, "Name": "/web", "Driver": "overlay2", "State": {"Running": False}}
    (folder / "config.v2.json").write_text(json.dumps(config | changes))
    (folder / "hostconfig.json").write_text("{}")


def read(data_root):
    return read_disk(str(data_root), None, str(data_root), 0)


def test_a_container_with_its_layer(data_root):
    write_container(data_root)
    mounts = data_root / "image/overlay2/layerdb/mounts" / ID
    mounts.mkdir()
    (mounts / "mount-id").write_text(LAYER)

    (container,) = read(data_root).containers

    assert (container.name, container.layer, container.driver) == ("web", LAYER, "overlay2")


@pytest.mark.parametrize("text", ["../../../../etc", LAYER + "\n/x", "", "d" * 63, "\xff"])
def test_a_layer_name_that_is_no_mount_id_is_not_believed(data_root, text):
    write_container(data_root)
    mounts = data_root / "image/overlay2/layerdb/mounts" / ID
    mounts.mkdir()
    (mounts / "mount-id").write_bytes(text.encode("latin-1"))

    assert read(data_root).containers[0].layer == ""


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"ID": 7}', '{"State": 7, "ID": "x"}', "[" * 100_000, "\xff"])
def test_a_broken_container_is_left_out_and_the_others_stay(data_root, text):
    write_container(data_root)
    folder = data_root / "containers" / ("e" * 64)
    folder.mkdir()
    (folder / "config.v2.json").write_bytes(text.encode("latin-1"))

    assert [container.id for container in read(data_root).containers] == [ID]


def test_a_container_that_claims_the_id_of_another_is_left_out(data_root):
    write_container(data_root, ID="\ud800")

    assert read(data_root).containers == ()


@pytest.mark.parametrize("options", ['{"Quota": "x"}', '{"Quota": {"Size": "x"}}', '{"MountOpts": 0}', "{", "7"])
def test_a_volume_with_broken_options_is_a_plain_one(data_root, options):
    (data_root / "volumes/v/_data").mkdir(parents=True)
    (data_root / "volumes/v/opts.json").write_text(options)

    (volume,) = read(data_root).volumes

    assert (volume.name, volume.filesystem) == ("v", "")


def test_folders_that_are_no_containers_are_not_looked_at(data_root):
    write_container(data_root)
    (data_root / "containers/lost+found").mkdir()
    (data_root / "containers" / ("f" * 64)).write_text("a file")

    assert len(read(data_root).containers) == 1


def test_volumes_are_folders_with_data_or_options(data_root):
    volumes = data_root / "volumes"
    (volumes / "plain/_data").mkdir(parents=True)
    (volumes / "options").mkdir()
    (volumes / "options/opts.json").write_text('{"MountType": "tmpfs"}')
    (volumes / "stray").mkdir()
    (volumes / "metadata.db").write_bytes(b"\0")

    assert [volume.name for volume in read(data_root).volumes] == ["options", "plain"]


def test_a_name_that_is_not_utf8_is_kept_as_its_bytes(data_root):
    os.makedirs(os.fsencode(data_root) + b"/volumes/\xff/_data")

    (volume,) = read(data_root).volumes

    assert os.fsencode(volume.name) == b"\xff"


def test_the_driver_is_the_one_that_most_containers_use(data_root):
    (data_root / "image/btrfs/layerdb").mkdir(parents=True)
    write_container(data_root)

    assert read(data_root).engine.storage_driver == "overlay2"


def test_a_data_root_that_is_missing_or_something_else(tmp_path, data_root):
    check_data_root(str(data_root), "shown")
    with pytest.raises(NothingToMeasureError, match=r"^no Docker data root at shown$"):
        check_data_root(str(tmp_path / "missing"), "shown")
    (tmp_path / "file").touch()
    with pytest.raises(SettingError, match=r"^data root shown: Not a directory$"):
        check_data_root(str(tmp_path / "file"), "shown")
    (tmp_path / "music").mkdir()
    with pytest.raises(SettingError, match=r"^shown is not a Docker data root"):
        check_data_root(str(tmp_path / "music"), "shown")


@pytest.mark.root
def test_a_data_root_without_the_rights_is_an_access_error(data_root):
    need(root=True)
    data_root.chmod(0o700)
    code = (
        "import os\n"
        "from docker_storage_exporter.errors import AccessError\n"
        "from docker_storage_exporter.inventory.disk import check_data_root\n"
        "os.setgid(65534); os.setuid(65534)\n"
        f"try: check_data_root({str(data_root)!r}, 'shown')\n"
        "except AccessError as error: print(error)"
    )
    for folder in data_root.parents:
        if os.stat(folder).st_uid == os.getuid() and folder.name.startswith(("pytest", "test_")):
            folder.chmod(0o755)

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/")

    assert done.stdout == "data root shown: permission denied; run as root or with CAP_DAC_READ_SEARCH\n", done.stderr
    assert AccessError.exit_code == 4


@pytest.fixture
def looked():
    return []


@pytest.fixture
def folders(looked):
    """Folders that say which of them were looked into."""

    def look(path, name):
        looked.append(name)
        return name if name != "none" else None

    return Folders(look, lambda name: f"unseen {name}")


def old(*folders):
    """Wait until a change of these would be told apart from what they are now."""
    newest = max(folder.stat().st_ctime_ns for folder in folders)
    while time.time_ns() - newest < 2.1e9:
        time.sleep(0.05)


def test_a_folder_that_did_not_change_is_not_looked_into_again(tmp_path, folders, looked):
    for name in ("b", "a", "none"):
        (tmp_path / "x" / name).mkdir(parents=True)
    old(*(tmp_path / "x").iterdir())

    assert folders.read(str(tmp_path), "x") == ["a", "b"]
    (tmp_path / "x/b/opts.json").write_text("{}")
    (tmp_path / "x/c").mkdir()
    looked.clear()

    assert folders.read(str(tmp_path), "x") == ["a", "b", "c"]
    assert sorted(looked) == ["b", "c"]


def test_a_folder_that_changed_just_now_is_looked_into_again(tmp_path, folders, looked):
    (tmp_path / "x/a").mkdir(parents=True)

    folders.read(str(tmp_path), "x")
    folders.read(str(tmp_path), "x")

    assert looked == ["a", "a"]


def test_a_folder_that_went_away_and_came_back_is_another_one(tmp_path, folders, looked):
    (tmp_path / "x/a").mkdir(parents=True)
    old(tmp_path / "x/a")
    folders.read(str(tmp_path), "x")
    (tmp_path / "x/a").rmdir()
    assert folders.read(str(tmp_path), "x") == []
    (tmp_path / "x/a").mkdir()
    looked.clear()

    assert folders.read(str(tmp_path), "x") == ["a"]
    assert looked == ["a"]


def test_reading_says_that_it_gets_on(data_root):
    reader = DiskReader()
    read_disk(str(data_root), None, str(data_root), 0, reader)
    once = reader.looked_at
    read_disk(str(data_root), None, str(data_root), 0, reader)

    assert once == sum(len(os.listdir(data_root / folder)) for folder in ("volumes", "containers"))
    assert reader.looked_at == 2 * once


def test_where_there_is_no_such_folder_nothing_is_in_it(tmp_path, folders):
    assert folders.read(str(tmp_path), "missing") == []


def test_a_folder_that_may_never_answer_is_known_by_its_name_alone(tmp_path, folders, looked):
    for name in ("a", "b"):
        (tmp_path / "x" / name).mkdir(parents=True)

    assert folders.read(str(tmp_path), "x", {f"{tmp_path}/x/b"}) == ["a", "unseen b"]
    assert looked == ["a"]
