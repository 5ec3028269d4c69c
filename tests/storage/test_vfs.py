"""The vfs driver: a writable layer is a whole copy."""

import pytest
from conftest import need
from engine.dockerd import Dockerd, Running

from docker_storage_exporter.model.keys import Kind, ObjectKey
from docker_storage_exporter.settings import from_texts
from docker_storage_exporter.storage import Claim
from docker_storage_exporter.storage.vfs import DRIVER
from sizer.conftest import du


def test_a_writable_layer_is_the_whole_directory_and_has_no_apparent_size(root_of, host):
    root = root_of(DRIVER)
    container = root.container(1)

    facts = DRIVER.read(root.roots, host, None)

    owner = ObjectKey(Kind.LAYER, "", container.id)
    assert facts.writable_layer(container) == Claim(owner, (f"{root.path}/vfs/dir/{'1' * 64}",), with_apparent=False)


@pytest.fixture
def dockerd(tmp_path_factory):
    """A real engine that keeps its layers by vfs."""
    need("dockerd", "docker", "busybox", root=True)
    engine = Dockerd(tmp_path_factory.mktemp("vfs"))
    try:
        engine.start("--storage-driver=vfs")
        engine.import_image(engine.folder / "image")
        yield engine
    finally:
        engine.clean_up()


@pytest.mark.engine
def test_on_a_real_engine_the_copy_is_what_is_shown_and_the_engine_s_difference_is_not(dockerd):
    dockerd.run("writer", "dd if=/dev/zero of=/written bs=1024 count=3000")
    dockerd.docker("create", "--name", "idle", "busybox:test", "true")
    running = Running(from_texts({"docker_host": dockerd.host, "web_listen_address": "127.0.0.1:0", "scan_duty": "1"}))
    try:
        page = running.settled()
    finally:
        running.exporter.stop()

    for name in ("writer", "idle"):
        identity = dockerd.docker("inspect", "--format={{.Id}}", name)
        layer = (dockerd.data_root / f"image/vfs/layerdb/mounts/{identity}/mount-id").read_text()
        size = page.value("docker_container_layer_allocated_bytes", container=name)
        assert size == du(dockerd.data_root / "vfs/dir" / layer)
        assert size > 1_000_000  # busybox itself is part of it
        assert page.value("docker_container_layer_apparent_bytes", container=name) is None
    assert page.value("docker_storage_unmeasured_objects", kind="container_layer", reason="unsupported_driver") == 0
