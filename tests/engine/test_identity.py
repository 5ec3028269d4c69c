"""One object or another: on a real engine, whose creation times say nothing."""

import time

from conftest import need

from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.inventory.client import EngineClient
from docker_storage_exporter.inventory.current import CurrentInventory
from docker_storage_exporter.inventory.disk import read_disk
from docker_storage_exporter.layout import Rules
from docker_storage_exporter.schedule.crew import Crew
from docker_storage_exporter.schedule.listing import Locator
from docker_storage_exporter.settings import from_texts
from waiting import wait_until

SIZE, LINEAGE = "docker_volume_allocated_bytes", "docker_volume_lineage_start_timestamp_seconds"


def test_a_thousand_files_at_the_top_of_a_volume_make_no_other_one_of_it(dockerd, exporter):
    dockerd.docker("volume", "create", "busy")
    running = exporter()
    start = running.settled().value(LINEAGE, volume="busy")
    created = dockerd.docker("volume", "inspect", "--format={{.CreatedAt}}", "busy")
    for number in range(1000):
        (dockerd.volume_path("busy") / f"file-{number}").write_bytes(b"x" * 4096)
        if number % 250 == 0:
            time.sleep(1)  # lists and measurements in between

    page = running.wait_for(lambda page: page.value(SIZE, volume="busy") >= 1000 * 4096, "all of them")
    assert page.value(LINEAGE, volume="busy") == start
    assert dockerd.docker("volume", "inspect", "--format={{.CreatedAt}}", "busy") != created
    history = running.exporter._history.growth()
    assert any(key.id == "busy" and growth.per_hour > 0 for key, growth in history.items())


def test_a_volume_that_is_made_anew_under_its_name_is_another_one(dockerd, exporter):
    dockerd.docker("volume", "create", "anew")
    (dockerd.volume_path("anew") / "file").write_bytes(b"x" * 1_000_000)
    running = exporter()
    before = running.wait_for(lambda page: (page.value(SIZE, volume="anew") or 0) > 1_000_000, "its size")
    dockerd.docker("volume", "rm", "anew")
    dockerd.docker("volume", "create", "anew")

    after = running.wait_for(lambda page: (page.value(SIZE, volume="anew") or 10**9) < 1_000_000, "the new one")
    assert after.value(LINEAGE, volume="anew") > before.value(LINEAGE, volume="anew")


def test_a_folder_that_is_replaced_behind_the_engine_s_back_is_another_one(dockerd, exporter):
    dockerd.docker("volume", "create", "replaced")
    running = exporter()
    before = running.settled().value(LINEAGE, volume="replaced")
    path = dockerd.volume_path("replaced")
    path.rmdir()
    path.mkdir()

    wait_until(lambda: (running.page().value(LINEAGE, volume="replaced") or 0) > before, what="another lineage")


def test_the_engine_and_the_disk_give_equal_keys(dockerd):
    need("dockerd", root=True)
    dockerd.docker("volume", "create", "keyed")
    dockerd.docker(
        "create", "--name", "keyed", "-v", "keyed:/data", "-v", "/etc/hostname:/name:ro", "busybox:test", "true"
    )
    settings = from_texts({"docker_host": dockerd.host}, {})
    current = CurrentInventory(settings, Host(), EngineClient(settings))
    told = current.renew()
    current.close()
    read = read_disk(told.root, None, told.root, time.time())
    crew = Crew(30)

    keys = [set(Locator(Host(), crew).locate(found, Rules()).plan.places) for found in (told, read)]

    crew.stop()
    assert keys[0] == keys[1]
    assert {"keyed", dockerd.docker("inspect", "--format={{.Id}}", "keyed")} <= {key.id for key in keys[0]}
