"""What the rights that values can add really add: the chart's pods beside a real engine."""

import pytest
from conftest import need
from engine.dockerd import Dockerd, Page

from waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.root]


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """An engine with a labelled volume, and a container that keeps a mebibyte in a tmpfs mount."""
    need("dockerd", "docker", "busybox", root=True)
    made = Dockerd(tmp_path_factory.mktemp("chart-engine"))
    try:
        made.start()
        made.import_image(made.folder / "image")
        made.docker("volume", "create", "--label", "com.docker.compose.project=shop", "shop_db")
        script = "dd if=/dev/zero of=/scratch/f bs=1M count=1 2>/dev/null"
        made.run("keeper", script, "--tmpfs", "/scratch:size=4m", "-v", "shop_db:/data")
        yield made
    finally:
        if made._process is not None:
            made.docker("rm", "-f", "keeper")
        made.clean_up()


@pytest.fixture
def page(engine, start_pod):
    """Run a feature's pod beside the engine; its page once everything was looked at."""

    def page(feature, *options):
        _, running = start_pod(feature, str(engine.data_root), *options)
        done = 'docker_storage_pending_objects{kind="%s"} 0'
        kinds = ("volume", "container_layer", "tmpfs_mount")
        wait_until(lambda: all(done % kind in running.get("/metrics") for kind in kinds), "measurements")
        return Page(running.get("/metrics"))

    return page


def socket(engine):
    """The value that mounts the engine's socket."""
    return f"--set=engine.socket={engine.host.removeprefix('unix://')}"


def test_the_default_knows_what_is_on_disk_labels_included(page):
    found = page("default")

    assert found.value("docker_engine_up", engine="docker") == 0
    assert found.value("docker_volume_allocated_bytes", volume="shop_db") > 0
    assert found.by("compose_project", "docker_volume_info") == {"shop": 1}
    assert not found.by("container", "docker_container_tmpfs_used_bytes")


def test_the_socket_adds_the_engine_s_state(page, engine):
    found = page("engine-socket", socket(engine))

    assert found.value("docker_engine_up", engine="docker") == 1
    assert found.by("compose_project", "docker_volume_info") == {"shop": 1}
    assert found.value("docker_volume_allocated_bytes", volume="shop_db") > 0
    assert not found.by("container", "docker_container_tmpfs_used_bytes")


def test_the_process_namespace_adds_tmpfs_mounts(page):
    found = page("host-pid")

    assert found.by("container", "docker_container_tmpfs_used_bytes") == {"keeper": 2**20}
    assert found.by("container", "docker_container_tmpfs_size_bytes") == {"keeper": 4 * 2**20}
