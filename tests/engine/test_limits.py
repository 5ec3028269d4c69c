"""Limits on labels of real volumes and containers, and in a file that is read again."""

import pytest

LIMIT = "docker_volume_limit_bytes"


@pytest.fixture
def labelled(dockerd):
    """A volume and a container with labels that limit them, and a volume with a label that is no size."""
    dockerd.docker("volume", "create", "--label", "storage.limit=20GiB", "limited")
    dockerd.docker("volume", "create", "--label", "storage.limit=plenty", "unlimited")
    labels = ("--label", "storage.limit=2g", "--label", "storage.log.limit=50m", "--log-opt", "max-size=1m")
    dockerd.run("limiting", "true", *labels)
    yield dockerd
    dockerd.docker("rm", "-f", "limiting")
    dockerd.docker("volume", "rm", "limited", "unlimited")


def test_labels_are_limits_beside_the_engine_s(labelled, exporter):
    page = exporter().wait_for(lambda page: page.value(LIMIT, volume="limited", source="label") is not None)

    assert page.value(LIMIT, volume="limited", source="label") == 20 * 2**30
    assert page.value(LIMIT, volume="unlimited", source="label") is None
    layer, log = "docker_container_layer_limit_bytes", "docker_container_log_limit_bytes"
    assert page.value(layer, container="limiting", source="label") == 2 * 2**30
    assert page.value(log, container="limiting", source="label") == 50 * 2**20
    assert page.value(log, container="limiting", source="engine") == 1_000_000
