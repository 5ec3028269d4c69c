"""Images of Docker's own store, on an engine of Debian's: what they say is what removing them frees."""

from __future__ import annotations

import json

import pytest
from engine.dockerd import IMAGE, du

pytestmark = pytest.mark.engine

UNIQUE, SHARED = "docker_image_unique_bytes", "docker_image_shared_bytes"


@pytest.fixture
def kept(dockerd):
    """The id of an image with a layer of its own on that of another one, and two tags."""
    dockerd.docker("run", "--network", "none", "--name", "kept", IMAGE, "dd", "if=/dev/zero", "of=/own", "count=3000")
    dockerd.docker("commit", "kept", "kept:1")
    dockerd.docker("tag", "kept:1", "kept:latest")
    yield dockerd.docker("image", "inspect", "--format={{.Id}}", "kept:1")
    dockerd.docker("rm", "kept")
    if dockerd.docker("image", "ls", "--quiet", "kept"):
        dockerd.docker("image", "rm", "kept:1", "kept:latest")


def layers(dockerd, image):
    """The directories of an image's layers, the uppermost first, as the engine tells them."""
    data = json.loads(dockerd.docker("image", "inspect", image))[0]["GraphDriver"]["Data"]
    return [path for path in (data["UpperDir"], *data.get("LowerDir", "").split(":")) if path]


def test_a_layer_of_its_own_is_unique_and_the_one_below_is_shared(dockerd, exporter, kept):
    own, below = layers(dockerd, kept)
    base = dockerd.docker("image", "inspect", "--format={{.Id}}", IMAGE)

    page = exporter().wait_for(lambda page: page.value(UNIQUE, image_id=kept) is not None, "the image's size")

    assert (page.value(UNIQUE, image_id=kept), page.value(SHARED, image_id=kept)) == (du(own), du(below))
    assert (page.value(UNIQUE, image_id=base), page.value(SHARED, image_id=base)) == (0, du(below))
    assert page.value("docker_image_info", image_id=kept, image="kept:1") == 1
    assert page.value("docker_image_tag_info", image_id=kept, image="kept:latest") == 1
    assert page.value("docker_image_containers", image_id=kept) == 0
    assert page.value("docker_images_distinct_bytes") >= du(own) + du(below)


def test_removing_it_frees_what_it_has_alone_and_its_series_go(dockerd, exporter, kept):
    running = exporter()
    page = running.wait_for(lambda page: page.value(UNIQUE, image_id=kept) is not None, "the image's size")
    store = dockerd.data_root / "overlay2"
    before = du(store)

    dockerd.docker("image", "rm", "kept:1", "kept:latest")

    freed, alone = before - du(store), page.value(UNIQUE, image_id=kept)
    assert 0 < freed - alone <= 5 * 4096  # `link`, `lower` and `work` beside the layer
    running.wait_for(lambda page: page.value("docker_image_info", image_id=kept, image="kept:1") is None, "its end")


def test_each_layer_is_walked_once(dockerd, exporter, kept):
    running = exporter()
    running.wait_for(lambda page: page.value(UNIQUE, image_id=kept) is not None, "the image's size")
    first = running.settled()

    later = running.wait_for(lambda page: measured(page, "container_log") > measured(first, "container_log") + 3)

    assert measured(later, "image") == measured(first, "image") > 0


def measured(page, kind):
    """How many measurements there were."""
    return page.value("docker_storage_exporter_measurements_total", kind=kind)
