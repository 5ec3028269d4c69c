"""The inventory as it stands, asked of a fake engine that is recorded and misbehaves."""

import json
import threading
import time
from contextlib import suppress

import pytest
from fake_engine import VERSION, container_document

from docker_storage_exporter.errors import AccessError, EngineError, ExporterError, NothingToMeasureError, SettingError
from docker_storage_exporter.inventory import client
from docker_storage_exporter.inventory.disk import read_disk
from docker_storage_exporter.inventory.endpoints import allowed
from docker_storage_exporter.model.labels import COMPOSE_PROJECT
from docker_storage_exporter.model.places import Unmeasured


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


def test_a_container_is_inspected_again_when_asked_to_renamed_or_in_another_state(engine, data_root, inventory_of):
    identity = add(engine, data_root, 1)
    inventory = inventory_of(engine)
    inventory.renew()

    inventory.inspect_again([identity])
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
    ],
)
def test_lists_of_something_else_are_one_line(engine, inventory_of, path, answer):
    engine.routes[path] = answer

    with pytest.raises(EngineError) as caught:
        inventory_of(engine).renew()

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        b"7",
        b'{"Volumes": [7]}',
        b"[" * 200_000,
    ],
)
def test_volumes_that_are_something_else_cost_no_container_and_no_volume_on_disk(
    engine, data_root, inventory_of, answer
):
    add(engine, data_root, 1)
    (data_root / "volumes/v/_data").mkdir(parents=True)
    engine.routes["/volumes"] = answer
    inventory = inventory_of(engine)

    found = inventory.renew()

    assert [container.name for container in found.containers] == ["c1"]
    assert [volume.name for volume in found.volumes] == ["v"]
    assert inventory.up
    assert "\n" not in inventory.trouble
    assert "volumes" in inventory.trouble


def test_an_engine_that_hangs_is_given_up_after_the_timeout(engine, inventory_of):
    engine.routes["/info"] = lambda handler: time.sleep(2)

    with pytest.raises(EngineError, match=r"did not answer within 0.5 s"):
        inventory_of(engine).renew()


def test_an_engine_in_trouble_is_asked_no_more_than_the_disk_is_used(engine, data_root, inventory_of):
    engine.routes["/info"] = b"garbage"

    inventory = inventory_of(engine, path_data_root=str(data_root))
    found = inventory.renew()

    assert (found.source, inventory.up) == ("disk", False)
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
    assert not inventory.up


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


class Held:
    """An answer that comes when the test lets it."""

    def __init__(self, document):
        self.document = document
        self.asked, self.released = threading.Event(), threading.Event()

    def __call__(self, handler):
        self.asked.set()
        self.released.wait(30)
        handler.reply(200, json.dumps(self.document).encode())


def ask_apart(inventory):
    """Ask every question in a thread of its own, as the scheduler does; the threads, by the questions' names."""
    threads = {one.name: threading.Thread(target=_ask, args=(one,), daemon=True) for one in inventory.listings()}
    for thread in threads.values():
        thread.start()
    return threads


def _ask(listing):
    with suppress(ExporterError):
        listing.ask()


@pytest.fixture
def held(engine, data_root):
    """An engine whose volumes wait for a plugin, with one container and a local volume on its disk."""
    add(engine, data_root, 1)
    (data_root / "volumes/local/_data").mkdir(parents=True)
    volumes = [
        {"Name": "local", "Driver": "local", "Labels": {COMPOSE_PROJECT: "b"}},
        {"Name": "remote", "Driver": "plugin"},
    ]
    engine.routes["/volumes"] = Held({"Volumes": volumes})
    yield engine.routes["/volumes"]
    engine.routes["/volumes"].released.set()


def test_containers_and_local_volumes_do_not_wait_for_a_plugin_and_its_late_answer_is_used(engine, held, inventory_of):
    inventory = inventory_of(engine)
    threads = ask_apart(inventory)
    threads["engine"].join(10)
    threads["containers"].join(10)

    early = inventory.assemble()
    assert [container.name for container in early.containers] == ["c1"]
    assert [(volume.name, dict(volume.labels)) for volume in early.volumes] == [("local", {})]
    assert early.refused is None

    held.released.set()
    threads["volumes"].join(10)
    late = inventory.assemble()
    assert [(volume.name, dict(volume.labels)) for volume in late.volumes] == [
        ("local", {COMPOSE_PROJECT: "b"}),
        ("remote", {}),
    ]


def test_what_still_waits_for_its_answer_is_not_asked_again(engine, held, inventory_of):
    inventory = inventory_of(engine)
    threads = ask_apart(inventory)
    assert held.asked.wait(10)
    threads["containers"].join(10)
    threads["engine"].join(10)

    assert [listing.name for listing in inventory.listings()] == ["engine", "containers"]
    inventory.renew()
    assert engine.asked("/volumes") == 1


def test_an_answer_that_stays_away_leaves_the_last_one_by_what_the_disk_shows(engine, data_root, inventory_of, caplog):
    add(engine, data_root, 1)
    for name in ("old", "gone"):
        (data_root / "volumes" / name / "_data").mkdir(parents=True)
    names = [("old", "local"), ("gone", "local"), ("remote", "plugin")]
    engine.routes["/volumes"]["Volumes"] = [{"Name": name, "Driver": driver} for name, driver in names]
    inventory = inventory_of(engine)
    inventory.renew()

    engine.routes["/volumes"] = b"garbage"
    (data_root / "volumes/gone/_data").rmdir()
    (data_root / "volumes/gone").rmdir()
    (data_root / "volumes/new/_data").mkdir(parents=True)
    found = [inventory.renew() for _ in range(3)][-1]

    assert [volume.name for volume in found.volumes] == ["new", "old", "remote"]
    assert len([line for line in caplog.messages if "volumes" in line]) == 1


def test_one_container_that_cannot_be_inspected_is_left_out_and_told_once(engine, data_root, inventory_of, caplog):
    add(engine, data_root, 1)
    broken, odd = (add(engine, data_root, number) for number in (2, 3))
    engine.routes[f"/containers/{broken}/json"] = lambda handler: handler.reply(500, b'{"message": "no such layer"}')
    engine.routes[f"/containers/{odd}/json"] = b'{"Id": 7}'
    inventory = inventory_of(engine)

    found = [inventory.renew() for _ in range(2)][-1]

    assert [container.name for container in found.containers] == ["c1"]
    assert len([line for line in caplog.messages if "has no usable details" in line]) == 2


def test_a_container_that_changes_while_it_is_listed_is_inspected_at_the_next_listing(engine, data_root, inventory_of):
    identity = add(engine, data_root, 1)
    inventory = inventory_of(engine)
    inventory.renew()
    listed = engine.routes["/containers/json"]

    def change(handler):
        inventory.inspect_again([identity])
        handler.reply(200, json.dumps(listed).encode())

    engine.routes["/containers/json"] = change
    inventory.renew()
    engine.routes["/containers/json"] = listed
    inventory.renew()
    inventory.renew()

    assert engine.asked(f"/containers/{identity}/json") == 2


def test_hanging_up_does_not_wait_for_an_answer(engine, held, inventory_of):
    inventory = inventory_of(engine)
    ask_apart(inventory)
    assert held.asked.wait(10)
    began = time.monotonic()

    inventory.close()

    assert time.monotonic() - began < 5  # of the thirty that the answer would take


def test_an_inventory_can_be_assembled_while_answers_come(engine, data_root, inventory_of):
    for number in range(5):
        add(engine, data_root, number)
    inventory = inventory_of(engine)
    inventory.renew()
    stopping = threading.Event()

    def keep_asking():
        while not stopping.is_set():
            inventory.inspect_again([f"{1:064x}"])
            for listing in inventory.listings():
                listing.ask()

    threads = [threading.Thread(target=keep_asking) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        assert {len(inventory.assemble().containers) for _ in range(200)} == {5}
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def test_a_volume_whose_creation_time_moves_stays_the_same(engine, data_root, inventory_of):
    """On 20.10 that is a ctime: each file made at the top of the volume moves it."""
    inventory = inventory_of(engine)
    found = set()
    for number in range(1000):
        created = f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z"
        engine.routes["/volumes"]["Volumes"] = [{"Name": "v", "Driver": "local", "CreatedAt": created}]
        if number % 100 == 0:
            found.add(str(inventory.renew().volumes))

    assert len(found) == 1


@pytest.mark.parametrize("name", ["../../../outside", "..", ".", "", "a/b", "nul\0", 7, None])
def test_a_volume_whose_name_is_none_costs_itself_alone(engine, data_root, inventory_of, name, caplog):
    good = {"Name": "good", "Driver": "local"}
    engine.routes["/volumes"]["Volumes"] = [
        {"Name": name, "Driver": "local"},
        good,
        {"Name": "a/b", "Driver": "plugin"},
    ]
    add(engine, data_root, 1)
    inventory = inventory_of(engine)

    found = [inventory.renew() for _ in range(2)][-1]

    assert [volume.name for volume in found.volumes] == ["a/b", "good"]  # a plugin's names are its own
    assert len([line for line in caplog.messages if "1 volumes are left out" in line]) == 1


@pytest.mark.parametrize("upper", ["/x/../diff", "/x/./diff", "../diff", "/diff", 7])
def test_a_layer_whose_path_leads_elsewhere_costs_its_container_alone(engine, data_root, inventory_of, upper):
    add(engine, data_root, 1)
    add(engine, data_root, 2, GraphDriver={"Name": "overlay2", "Data": {"UpperDir": upper}})

    assert [container.name for container in inventory_of(engine).renew().containers] == ["c1"]


def test_what_fsck_keeps_on_a_disk_mounted_at_volumes_is_no_volume_to_either_reader(engine, data_root, inventory_of):
    add(engine, data_root, 1)
    for name in ("lost+found", "v/_data"):
        (data_root / "volumes" / name).mkdir(parents=True)
    engine.routes["/volumes"]["Volumes"] = [{"Name": name, "Driver": "local"} for name in ("lost+found", "v")]
    told = inventory_of(engine).renew()
    read = read_disk(str(data_root), None, str(data_root), 0.0)

    assert [volume.name for volume in told.volumes] == [volume.name for volume in read.volumes] == ["v"]
    (data_root / "volumes/lost+found/_data").mkdir()
    assert "lost+found" in [volume.name for volume in inventory_of(engine).renew().volumes]


def test_an_answer_that_drips_has_its_time_as_a_whole(engine, inventory_of):
    def drip(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(40):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            if engine.ended.wait(0.1):
                return

    engine.routes["/info"] = drip

    with pytest.raises(EngineError, match=r"did not answer within 0.5 s"):
        inventory_of(engine).renew()


def test_an_answer_without_end_is_one_line(engine, inventory_of, monkeypatch):
    monkeypatch.setattr(client, "_LARGEST_ANSWER", 2**20)
    engine.routes["/info"] = b" " * 2**21

    with pytest.raises(EngineError, match="an answer of more than 1 MiB"):
        inventory_of(engine).renew()


def test_of_a_megabyte_of_labels_those_are_kept_that_mean_something(engine, data_root, inventory_of):
    labels = {COMPOSE_PROJECT: "shop", "team": "core"} | {f"junk{number}": "x" * 1000 for number in range(1000)}
    for number in range(20):
        add(engine, data_root, number, Config={"Labels": labels})
    engine.routes["/volumes"] = {"Volumes": [{"Name": "v", "Driver": "local", "Labels": labels}]}
    inventory = inventory_of(engine)

    listed = inventory.renew()

    assert {tuple(container.labels) for container in listed.containers} == {(COMPOSE_PROJECT,)}
    assert dict(listed.volumes[0].labels) == {COMPOSE_PROJECT: "shop"}


def test_labels_that_are_wanted_from_now_on_are_asked_for(engine, data_root, inventory_of):
    add(engine, data_root, 1, Config={"Labels": {"team": "core", "other": "x"}})
    inventory = inventory_of(engine)
    assert not inventory.renew().containers[0].labels

    inventory.keep_labels(["team"])

    assert dict(inventory.renew().containers[0].labels) == {"team": "core"}
