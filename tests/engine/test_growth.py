"""A volume that grows is measured when the disk shows it, however long its interval is."""

import pytest

SIZE = "docker_volume_allocated_bytes"


@pytest.mark.slow
def test_a_volume_of_a_running_container_is_measured_soon_after_its_disk_lost_space(dockerd, exporter):
    dockerd.docker("volume", "create", "growing")
    dockerd.run("grower", "true", "-v", "growing:/data")
    try:
        running = exporter(scan_interval="1d")
        before = running.wait_for(lambda page: page.value(SIZE, volume="growing") is not None, "the first number")
        assert before.value(SIZE, volume="growing") < 2**20
        running.wait_for(
            lambda page: page.by("mountpoint", "docker_storage_filesystem_unexplained_growth_bytes"),
            "a look at the disk",
        )

        dockerd.docker("exec", "grower", "dd", "if=/dev/zero", "of=/data/file", "bs=1M", "count=600", "conv=fsync")

        after = running.wait_for(lambda page: page.value(SIZE, volume="growing") > 600 * 2**20, "what it grew by")
        assert after.value("docker_volume_measured_timestamp_seconds", volume="growing") > before.value(
            "docker_volume_measured_timestamp_seconds", volume="growing"
        )
    finally:
        dockerd.docker("rm", "-f", "grower")
        dockerd.docker("volume", "rm", "growing")
