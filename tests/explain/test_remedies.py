"""Remedies: what frees bytes, what it loses, and where nothing is offered."""

import os
from dataclasses import replace

import pytest

from docker_storage_exporter.explain.explanation import Remedy
from docker_storage_exporter.explain.remedies import Remedies
from docker_storage_exporter.explain.removal import Removal
from docker_storage_exporter.explain.territory import Territories
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.model.objects import LogSettings, Volume
from explain.conftest import ROOT, WEB


@pytest.fixture
def remedies(made, tmp_path):
    host = Host(str(tmp_path))
    return Remedies(made.owners, Territories(made.inventory, made.owners, made.stores, host), host, Removal())


def of_path(remedies, made, path, *, directory=False):
    return remedies.of_path(path, made.owners.at(path), 100, directory=directory)


@pytest.mark.parametrize(
    ("filesystem", "frees", "loses"),
    [("", 100, "its data"), ("tmpfs", None, "its data"), ("bind", 0, ""), ("ext4", None, "")],
)
def test_removing_a_volume_loses_only_what_is_its_own(remedies, filesystem, frees, loses):
    remedy = remedies.of_volume(Volume("data", filesystem=filesystem), [], 100)

    assert remedy == Remedy("remove the volume", "docker volume rm data", frees, loses)


def test_what_the_containers_of_a_volume_wrote_is_lost_with_it(remedies, made):
    remedy = remedies.of_volume(Volume("data"), made.inventory.containers, 100)

    assert remedy.what == "remove the volume after the containers that mount it"
    assert remedy.command == "docker stop web && docker rm job web && docker volume rm data"
    assert remedy.loses == "its data, and what its containers wrote to their layers and logs"


def test_a_volume_without_a_number_frees_nobody_knows_what(remedies):
    assert remedies.of_volume(Volume("data"), [], None).frees_bytes is None
    assert remedies.of_volume(Volume("data", filesystem="bind"), [], None).frees_bytes is None


def test_a_container_with_a_log_can_have_it_emptied_instead(remedies, made, tmp_path):
    log = tmp_path / f"{ROOT}/containers/{WEB}/{WEB}-json.log".lstrip("/")
    log.parent.mkdir(parents=True)
    log.write_bytes(b"x" * 10_000)

    empty, whole = remedies.of_container(made.inventory.containers[0], 5, has_logs=True)

    assert empty.command == f"truncate --size=0 -- {ROOT}/containers/{WEB}/{WEB}-json.log"
    assert (empty.frees_bytes, empty.loses) == (os.stat(log).st_blocks * 512, "the lines in it")
    assert (whole.command, whole.frees_bytes) == ("docker stop web && docker rm web", 5)
    assert whole.loses == "what it wrote to its layer, and its logs"


@pytest.mark.parametrize("driver", ["local", "journald", ""])
def test_no_other_driver_s_log_is_cut_while_it_is_written(remedies, made, driver):
    container = replace(made.inventory.containers[0], log=LogSettings(driver))

    (whole,) = remedies.of_container(container, 5, has_logs=False)

    assert whole.what == "remove the container"


def test_a_path_in_a_volume_goes_when_its_writers_have_stopped(remedies, made):
    ((remedy,), remark) = of_path(remedies, made, f"{ROOT}/volumes/data/_data/old", directory=True)

    assert remedy.command == f"docker stop web && rm -r -- {ROOT}/volumes/data/_data/old"
    assert remark == ""


def test_a_path_in_a_running_container_s_layer_goes_inside_it(remedies, made):
    ((remedy,), _) = of_path(remedies, made, f"{ROOT}/overlay2/web-layer/diff/tmp/x")

    assert remedy.command == "docker exec web rm -r -- /tmp/x"


@pytest.mark.parametrize(
    ("path", "remark"),
    [
        (f"{ROOT}/overlay2/job-layer/diff/tmp/x", "it goes with the whole container: see --explain job"),
        ("/srv/site/index.html", "the host's own files, not the engine's: whether they may go is for you to say"),
        ("/srv/data/old", "the host's own files, not the engine's: whether they may go is for you to say"),
        ("/home/me", "the host's own files, not the engine's: whether they may go is for you to say"),
        ("/srv", "it holds 1 x bind_mount, 1 x volume"),
        ("/var/lib", "it holds 2 x container_layer, 2 x container_log, 1 x volume"),
    ],
)
def test_nothing_is_offered_where_it_is_not_the_engine_s_or_holds_more(remedies, made, path, remark):
    assert of_path(remedies, made, path) == ((), remark)


@pytest.mark.parametrize(
    ("name", "command"),
    [(f"{WEB}-json.log", "truncate --size=0 --"), (f"{WEB}-json.log.1", "rm --"), (f"{WEB}-json.log.2.gz", "rm --")],
)
def test_a_current_log_is_emptied_and_a_rotated_one_deleted(remedies, made, name, command):
    path = f"{ROOT}/containers/{WEB}/{name}"

    ((remedy,), _) = of_path(remedies, made, path)

    assert remedy.command == f"{command} {path}"
