"""The inventory as it stands, asked of a fake engine that is recorded and misbehaves."""

import time

import pytest
from fake_engine import VERSION, container_document

from docker_storage_exporter.errors import AccessError, EngineError, NothingToMeasureError, SettingError
from docker_storage_exporter.inventory.endpoints import allowed
from docker_storage_exporter.model import Unmeasured


def add(engine, data_root, number, **changes):
    """A container of the engine that also lies on the disk."""
    document = container_document(number, **changes)
    (data_root / "containers" / document["Id"]).mkdir()
    engine.add_container(document)
    return document["Id"]


def test_nothing_but_the_published_list_is_ever_asked(engine, data_root, inventory_of):
    add(engine, data_root, 1)
    inventory = inventory_of(engine)

    for _ in range(3):
        inventory.renew()

    assert len(engine.requests) >= 10
    assert all(allowed(*request) for request in engine.requests)
    assert not any("df" in path or "size=1" in query for _, path, query in engine.requests)


@pytest.mark.parametrize(
    ("newest", "spoken"), [("1.24", "1.24"), ("1.41", "1.41"), ("1.51", "1.51"), ("1.52", "1.51"), ("1.60", "1.51")]
)
def test_the_version_spoken_is_the_servers_or_1_51(engine, inventory_of, newest, spoken):
    engine.routes["/version"] = VERSION | {"ApiVersion": newest}

    inventory_of(engine).renew()

    assert {path.split("/")[1] for _, path, _ in engine.requests if path.startswith("/v1.")} == {f"v{spoken}"}


@pytest.mark.parametrize("changes", [{"ApiVersion": "1.23"}, {"ApiVersion": "1.70", "MinAPIVersion": "1.60"}])
def test_an_engine_that_speaks_no_common_version_is_refused_in_one_line(engine, inventory_of, changes):
    engine.routes["/version"] = VERSION | changes

    with pytest.raises(EngineError, match=r"speaks API .*: upgrade the (engine|exporter)$"):
        inventory_of(engine).renew()


def test_a_container_is_inspected_when_first_seen_and_not_again(engine, data_root, inventory_of):
    identity = add(engine, data_root, 1)
    inventory = inventory_of(engine)

    first, second = inventory.renew(), inventory.renew()

    assert first.containers == second.containers
    assert engine.asked(f"/containers/{identity}/json") == 1


def test_a_container_is_inspected_again_when_forgotten_renamed_or_in_another_state(engine, data_root, inventory_of):
    identity = add(engine, data_root, 1)
    inventory = inventory_of(engine)
    inventory.renew()

    inventory.forget(identity)
    inventory.renew()
    assert engine.asked(f"/containers/{identity}/json") == 2

    engine.routes["/containers/json"][0]["Names"] = ["/other"]
    engine.routes[f"/containers/{identity}/json"]["Name"] = "/other"
    assert [container.name for container in inventory.renew().containers] == ["other"]

    engine.routes["/containers/json"][0]["State"] = "exited"
    inventory.renew()
    assert engine.asked(f"/containers/{identity}/json") == 4


def test_a_container_removed_between_list_and_inspect_is_left_out(engine, data_root, inventory_of):
    add(engine, data_root, 1)
    gone = add(engine, data_root, 2)
    del engine.routes[f"/containers/{gone}/json"]

    assert [container.name for container in inventory_of(engine).renew().containers] == ["c1"]


@pytest.mark.parametrize(
    "answer",
    [b"<html>", b"[]", b"null", b'"text"', b"{}", b"", b'{"DockerRootDir": 7}'],
    ids=["html", "list", "null", "text", "empty object", "nothing", "number for a path"],
)
def test_garbage_is_one_line(engine, inventory_of, answer):
    engine.routes["/info"] = answer

    with pytest.raises(EngineError) as caught:
        inventory_of(engine).renew()

    assert "\n" not in str(caught.value)
    assert engine.host in str(caught.value) or "engine's answer" in str(caught.value)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/containers/json", b"7"),
        ("/containers/json", b"[7]"),
        ("/containers/json", b"{}"),
        ("/containers/json", b"[{}]"),
        ("/volumes", b"7"),
        ("/volumes", b'{"Volumes": [7]}'),
        ("/volumes", b'{"Volumes": [{}]}'),
        ("/volumes", b'{"Volumes": [{"Name": 7}]}'),
        ("/volumes", b'{"Volumes": [{"Name": "v", "Labels": {"a": 7}}]}'),
    ],
)
def test_lists_of_something_else_are_one_line(engine, inventory_of, path, answer):
    engine.routes[path] = answer

    with pytest.raises(EngineError) as caught:
        inventory_of(engine).renew()

    assert "\n" not in str(caught.value)


def test_an_engine_that_hangs_is_given_up_after_the_timeout(engine, inventory_of):
    engine.routes["/info"] = lambda handler: time.sleep(2)

    with pytest.raises(EngineError, match=r"did not answer within 0.5 s"):
        inventory_of(engine).renew()


def test_an_engine_in_trouble_is_asked_no_more_than_the_disk_is_used(engine, data_root, inventory_of):
    engine.routes["/info"] = b"garbage"

    inventory = inventory_of(engine, path_data_root=str(data_root))
    found = inventory.renew()

    assert (found.source, inventory.engine_up) == ("disk", False)
    assert "gave no usable answer" in inventory.trouble


def test_when_the_engine_goes_down_its_last_inventory_stays_without_what_the_disk_lost(engine, data_root, inventory_of):
    add(engine, data_root, 1)
    gone = add(engine, data_root, 2)
    engine.routes["/volumes"]["Volumes"] = [{"Name": name, "Driver": "local"} for name in ("kept", "lost")]
    for name in ("kept", "lost"):
        (data_root / "volumes" / name / "_data").mkdir(parents=True)
    inventory = inventory_of(engine)
    assert len(inventory.renew().containers) == 2

    engine.close()
    inventory.close()
    (data_root / "containers" / gone).rmdir()
    (data_root / "volumes/lost/_data").rmdir()
    (data_root / "volumes/lost").rmdir()
    found = inventory.renew()

    assert [container.name for container in found.containers] == ["c1"]
    assert [volume.name for volume in found.volumes] == ["kept"]
    assert not inventory.engine_up


def test_without_engine_and_data_root_there_is_nothing_to_measure(engine, inventory_of):
    engine.close()

    with pytest.raises(NothingToMeasureError, match=r"^no engine answers at .*, and no Docker data root at "):
        inventory_of(engine, path_data_root="/nonexistent").renew()


def test_a_folder_that_is_no_data_root_is_refused(engine, inventory_of, tmp_path):
    engine.close()
    (tmp_path / "music").mkdir()

    with pytest.raises(SettingError, match=r"is not a Docker data root: none of containers, image, volumes"):
        inventory_of(engine, path_data_root=str(tmp_path / "music")).renew()


def test_ssh_and_missing_certificates_are_refused(inventory_of, tmp_path):
    class Nowhere:
        host = "tcp://127.0.0.1:1"

    with pytest.raises(SettingError, match=r"ca.pem: cannot be read; --docker.cert-path has to hold"):
        inventory_of(Nowhere, docker_tls_verify="1", docker_cert_path=str(tmp_path)).renew()
    Nowhere.host = "ssh://host"
    with pytest.raises(SettingError, match="ssh is not supported"):
        inventory_of(Nowhere)


def test_an_engine_whose_containers_are_not_on_this_disk_is_foreign(engine, data_root, inventory_of):
    engine.add_container(container_document(1))

    assert inventory_of(engine).renew().refused is Unmeasured.FOREIGN_ENGINE


def test_a_disk_that_is_not_trusted_is_told_in_the_log_once(engine, data_root, inventory_of, caplog):
    engine.add_container(container_document(1))
    inventory = inventory_of(engine)

    inventory.renew()
    inventory.renew()

    told = [line for line in caplog.messages if "nothing is measured" in line]
    reason = "it is not that of the engine asked; is --docker.host on this host?"
    assert told == [f"nothing is measured on data root {data_root}: {reason}"]


def test_one_container_on_the_disk_proves_that_it_is_the_same_host(engine, data_root, inventory_of):
    engine.add_container(container_document(1))
    add(engine, data_root, 2)

    assert inventory_of(engine).renew().refused is None


def test_the_engines_id_on_the_disk_proves_it_too(engine, data_root, inventory_of):
    engine.routes["/volumes"]["Volumes"] = [{"Name": "v", "Driver": "local"}]
    (data_root / "engine-id").write_text("FAKE")

    assert inventory_of(engine).renew().refused is None


def test_an_engine_with_volumes_only_is_proven_by_the_owner_of_its_socket(engine, data_root, inventory_of):
    """The fake engine runs in this process, which sees the same directory under the same path."""
    engine.routes["/volumes"]["Volumes"] = [{"Name": "v", "Driver": "local"}]

    assert inventory_of(engine).renew().refused is None
    engine.routes["/info"]["DockerRootDir"] = "/nonexistent"
    assert inventory_of(engine, path_data_root=str(data_root)).renew().refused is Unmeasured.FOREIGN_ENGINE


def test_a_data_root_that_cannot_be_seen_is_said_to_be_unknown(engine, inventory_of):
    engine.routes["/info"]["DockerRootDir"] = "/nonexistent"
    engine.add_container(container_document(1))

    assert inventory_of(engine).renew().refused is Unmeasured.UNKNOWN_ROOT


def test_a_socket_that_may_not_be_used_is_an_access_error(engine, inventory_of, monkeypatch):
    import socket  # noqa: PLC0415

    def refuse(self, address):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "connect", refuse)

    with pytest.raises(AccessError, match=r"permission denied; run as root or in the socket's group"):
        inventory_of(engine).renew()
