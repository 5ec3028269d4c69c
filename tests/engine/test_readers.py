"""The two readers of one host, the API's and the disk's, tell the same."""

import dataclasses
import subprocess

import pytest

from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.inventory.client import EngineClient
from docker_storage_exporter.inventory.current import CurrentInventory
from docker_storage_exporter.inventory.disk import read_disk
from docker_storage_exporter.settings import from_texts
from waiting import wait_until

pytestmark = pytest.mark.engine


@pytest.fixture
def zoo(dockerd, tmp_path):
    """Containers of every state and mount, and volumes with every option; removed after the test."""
    docker = dockerd.docker
    docker("volume", "create", "--label", "a=b", "zoo-plain")
    docker("volume", "create", "--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", "o=size=1m", "zoo-tmpfs")
    docker("volume", "create", "--opt", "type=none", "--opt", "o=bind", "--opt", f"device={tmp_path}", "zoo-bind")
    logs = ("--log-driver", "local", "--log-opt", "max-size=2m", "--log-opt", "max-file=3")
    mounts = ("-v", "zoo-plain:/plain", "-v", "/anonymous", "-v", f"{tmp_path}:/bind:ro")
    tmpfs = ("--tmpfs", "/t1:size=1m,ro", "--mount", "type=tmpfs,destination=/t2")
    compose = ("--label", "com.docker.compose.project=zoo", "--label", "com.docker.compose.service=cage")
    dockerd.run("zoo-running", "true", *logs, *mounts, *tmpfs, *compose)
    dockerd.run("zoo-paused", "true", "--log-driver", "none")
    docker("pause", "zoo-paused")
    dockerd.run("zoo-exited", "true", "--log-opt", "max-size=1m")
    docker("kill", "zoo-exited")
    docker("create", "--network", "none", "--name", "zoo-created", "-v", "zoo-tmpfs:/data", "busybox:test", "/bin/sh")
    dead = dockerd.run("zoo-dead", "true")
    stubborn = dockerd.layer_path(dead) / "done"
    wait_until(stubborn.exists, "the container to have written")
    subprocess.run(["chattr", "+i", stubborn], check=True)
    subprocess.run(["docker", "-H", dockerd.host, "rm", "-f", dead], capture_output=True)
    yield dockerd
    subprocess.run(["chattr", "-i", stubborn], check=True)
    docker("unpause", "zoo-paused")
    docker("rm", "-f", "-v", *(f"zoo-{state}" for state in ("running", "paused", "exited", "created")), dead)
    docker("volume", "rm", "zoo-plain", "zoo-tmpfs", "zoo-bind")


def test_both_readers_give_the_same_values(zoo):
    settings = from_texts({"docker_host": zoo.host}, {})
    inventory = CurrentInventory(settings, Host(), EngineClient(settings))
    asked = inventory.renew()
    inventory.close()

    read = read_disk(str(zoo.data_root), None, str(zoo.data_root), asked.at)

    states = {container.name: container.state for container in asked.containers}
    assert states | {f"zoo-{state}": state for state in ("running", "paused", "exited", "created", "dead")} == states
    for theirs, ours in zip(asked.containers, read.containers, strict=True):
        assert theirs == ours, theirs.name
    assert tuple(dataclasses.replace(volume, labels={}) for volume in asked.volumes) == read.volumes
    assert asked.refused is None
    assert (asked.root, asked.engine.storage_driver) == (read.root, read.engine.storage_driver)
