"""A volume that grows is measured when the disk shows it, however long its interval is."""

import subprocess

import pytest
from conftest import need

SIZE, MEASURED = "docker_volume_allocated_bytes", "docker_volume_measured_timestamp_seconds"
UNEXPLAINED = "docker_storage_filesystem_unexplained_growth_bytes"


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own, on which nobody else writes."""
    need("mkfs.ext4", "mount", root=True)
    image, folder = tmp_path / "disk", tmp_path / "mounted"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(512 * 2**20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
def grower(dockerd, disk):
    """A running container that may write to a volume on that disk."""
    (disk / "data").mkdir()
    options = ("-o", "type=none", "-o", "o=bind", "-o", f"device={disk}/data")
    dockerd.docker("volume", "create", *options, "growing")
    dockerd.run("grower", "true", "-v", "growing:/data")
    yield dockerd
    dockerd.docker("rm", "-f", "grower")
    dockerd.docker("volume", "rm", "growing")


@pytest.mark.slow
def test_a_volume_of_a_running_container_is_measured_soon_after_its_disk_lost_space(grower, disk, exporter):
    running = exporter(scan_interval="1d")
    before = running.wait_for(
        lambda page: page.value(SIZE, volume="growing") is not None and str(disk) in page.by("mountpoint", UNEXPLAINED)
    )
    assert before.value(SIZE, volume="growing") < 2**20

    grower.docker("exec", "grower", "dd", "if=/dev/zero", "of=/data/file", "bs=1M", "count=150", "conv=fsync")

    after = running.wait_for(lambda page: page.value(SIZE, volume="growing") > 150 * 2**20)
    assert after.value(MEASURED, volume="growing") > before.value(MEASURED, volume="growing")
