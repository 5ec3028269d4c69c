"""The engine's documents as model values."""

import pytest
from fake_engine import container_document

from docker_storage_exporter.inventory.documents import (
    container_from_disk,
    container_from_inspect,
    engine_from_info,
    volume_from_api,
    volume_from_disk,
)
from docker_storage_exporter.model.objects import LogSettings, Mount


def test_the_containerd_image_store_is_recognised_by_its_driver_type():
    info = {
        "DockerRootDir": "/d",
        "Driver": "overlayfs",
        "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
    }

    assert engine_from_info(info, "docker").image_store == "containerd"
    assert engine_from_info(info | {"DriverStatus": None}, "docker").image_store == "graphdriver"


def test_the_engine_s_containerd_is_known_where_it_tells():
    info = {"DockerRootDir": "/d", "Containerd": {"Address": "/run/containerd/containerd.sock"}}

    assert engine_from_info(info, "docker").containerd_address == "/run/containerd/containerd.sock"
    assert engine_from_info({"DockerRootDir": "/d", "Containerd": None}, "docker").containerd_address == ""


def test_the_storage_driver_is_told_in_three_ways():
    for told in (
        {"Driver": "overlayfs", "GraphDriver": {"Name": "overlayfs", "Data": None}},
        {"Driver": None, "GraphDriver": {"Name": "overlayfs", "Data": None}},
        {"Driver": None, "GraphDriver": None, "Storage": {"RootFS": {"Snapshot": {"Name": "overlayfs"}}}},
    ):
        found = container_from_inspect(container_document(1) | told)
        assert (found.driver, found.layer) == ("overlayfs", "")


def test_mounts_come_from_the_list_and_from_tmpfs_options():
    document = container_document(
        1,
        Mounts=[
            {"Type": "volume", "Name": "v", "Source": "", "Destination": "/v", "RW": True},
            {"Type": "bind", "Source": "/srv", "Destination": "/b", "RW": False},
            {"Type": "tmpfs", "Source": "", "Destination": "/m", "RW": True},
        ],
        HostConfig={
            "Tmpfs": {"/t/": "size=1m,ro", "/m": ""},
        },
    )

    assert container_from_inspect(document).mounts == (
        Mount("bind", "/srv", "/b", "ro"),
        Mount("tmpfs", "", "/m"),
        Mount("tmpfs", "", "/t", "ro"),
        Mount("volume", "v", "/v", "rw"),
    )


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ({"Running": True}, "running"),
        ({"Running": True, "Paused": True}, "paused"),
        ({"Running": True, "Restarting": True}, "restarting"),
        ({"StartedAt": "0001-01-01T00:00:00Z"}, "created"),
        ({"StartedAt": "2026-01-01T00:00:00Z"}, "exited"),
        ({"Dead": True}, "dead"),
        ({"RemovalInProgress": True, "StartedAt": "2026-01-01T00:00:00Z"}, "dead"),
    ],
)
def test_both_spellings_of_a_container_give_the_engines_word_for_its_state(state, word):
    on_disk = {"ID": "a" * 64, "State": state}

    assert container_from_inspect(container_document(1, State=state)).state == word
    assert container_from_disk(on_disk, {}, "").state == word


def test_the_engines_own_word_is_taken_where_it_gives_one():
    document = container_document(1, State={"Status": "removing", "Dead": True})

    assert container_from_inspect(document).state == "removing"


@pytest.mark.parametrize(
    ("config", "limit"),
    [
        ({"Type": "json-file", "Config": {}}, None),
        ({"Type": "json-file", "Config": {"max-size": "10m"}}, 10_000_000),
        ({"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}, 30_000_000),
        ({"Type": "json-file", "Config": {"max-size": "-1"}}, None),
        ({"Type": "local", "Config": {}}, 5 * 20 * 1024**2),
        ({"Type": "local", "Config": {"max-size": "1m", "max-file": "2"}}, 2 * 1024**2),
        ({"Type": "journald", "Config": {}}, None),
        ({"Type": "", "Config": None}, None),
    ],
)
def test_the_limit_of_logs_is_size_times_files(config, limit):
    document = container_document(1, HostConfig={"LogConfig": config})

    assert container_from_inspect(document).log == LogSettings(config["Type"], limit)


@pytest.mark.parametrize(("option", "limit"), [("10G", 10 * 1024**3), ("512", 512), (None, None), ("much", None)])
def test_the_limit_of_a_writable_layer(option, limit):
    document = container_document(1, HostConfig={"StorageOpt": {"size": option} if option else None})

    assert container_from_inspect(document).layer_limit_bytes == limit


def test_nanoseconds_of_the_creation_time_survive():
    assert container_from_inspect(container_document(1)).created == pytest.approx(1767323045.678901, abs=1e-6)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-02-31T00:00:00Z", "0001-01-01T00:00:00+14:00"])
def test_a_creation_time_that_is_none_is_unknown(text):
    assert container_from_inspect(container_document(1, Created=text)).created == 0


def test_a_container_without_a_name_goes_by_its_id():
    assert container_from_inspect(container_document(1, Name="")).name == "0" * 12


@pytest.mark.parametrize(
    ("options", "on_disk", "filesystem", "limit"),
    [
        (None, {}, "", None),
        ({"size": "10m"}, {"Quota": {"Size": 10485760}}, "", 10485760),
        (
            {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"},
            {"MountType": "tmpfs", "MountDevice": "tmpfs", "MountOpts": "size=1m", "Quota": {"Size": 0}},
            "tmpfs",
            None,
        ),
        (
            {"type": "none", "o": "ro,bind", "device": "/x"},
            {"MountType": "none", "MountOpts": "ro,bind", "MountDevice": "/x"},
            "bind",
            None,
        ),
    ],
)
def test_options_of_a_local_volume_mean_the_same_in_the_api_and_on_disk(options, on_disk, filesystem, limit):
    listed = volume_from_api({"Name": "v", "Driver": "local", "Mountpoint": "/m", "Options": options, "Labels": None})

    assert (listed.filesystem, listed.limit_bytes) == (filesystem, limit)
    assert volume_from_disk("v", on_disk) == listed


def test_mount_options_are_never_kept_since_they_may_hold_a_password():
    options = {"type": "cifs", "device": "//server/share", "o": "username=u,password=hunter2"}

    assert "hunter2" not in repr(volume_from_api({"Name": "v", "Driver": "local", "Options": options}))


def test_options_of_other_drivers_are_theirs():
    volume = volume_from_api({"Name": "v", "Driver": "plugin", "Options": {"type": "tmpfs", "size": "1g"}})

    assert (volume.filesystem, volume.device, volume.limit_bytes) == ("", "", None)


@pytest.mark.parametrize(
    ("name", "labels", "anonymous"),
    [
        ("a" * 64, None, True),
        ("plain", {"com.docker.volume.anonymous": ""}, True),
        ("a" * 63, None, False),
        ("g" * 64, None, False),
    ],
)
def test_a_volume_is_anonymous_by_label_or_by_the_shape_of_its_name(name, labels, anonymous):
    assert volume_from_api({"Name": name, "Driver": "local", "Labels": labels}).anonymous is anonymous


@pytest.mark.parametrize("mode", ["", "private", "shareable"])
def test_a_container_has_a_dev_shm_of_its_own(mode):
    made = container_from_inspect(container_document(1, HostConfig={"ShmSize": 67108864, "IpcMode": mode}))

    assert made.mounts == (Mount("tmpfs", "", "/dev/shm"),)


@pytest.mark.parametrize("mode", ["host", "none", "container:other"])
def test_a_dev_shm_that_is_somebody_else_s_is_not_the_container_s(mode):
    made = container_from_inspect(container_document(1, HostConfig={"ShmSize": 67108864, "IpcMode": mode}))

    assert made.mounts == ()


def test_a_dev_shm_that_the_user_mounted_is_that():
    host = {"ShmSize": 67108864, "IpcMode": "private", "Tmpfs": {"/dev/shm": "ro"}}

    assert container_from_inspect(container_document(1, HostConfig=host)).mounts[0].access == "ro"
