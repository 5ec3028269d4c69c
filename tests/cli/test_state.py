"""Sizes across restarts, as a user sees them: on the first page after it, with the time they were measured."""

import json
import os
import signal
import time

SIZES = "docker_volume_allocated_bytes"
MEASURED = "docker_volume_measured_timestamp_seconds"


def settled(serving):
    """Wait until everything is measured."""
    serving.until("docker_storage_pending_objects", lambda found: found and not any(found.values()))


def test_after_a_restart_sizes_and_their_times_are_on_the_first_page(serve, data_root, tmp_path):
    flags = (data_root, f"--state.file={tmp_path}/state.json", "--scan.interval=1h")
    first = serve(*flags)
    settled(first)
    sizes, times = first.series(SIZES), first.series(MEASURED)
    assert first.end() == 0

    second = serve(*flags)

    assert second.get("/-/ready") == "ready\n"
    assert (second.series(SIZES), second.series(MEASURED)) == (sizes, times)
    assert not any(second.series("docker_storage_pending_objects").values())
    assert second.series("docker_storage_exporter_walked_entries") == {"": 0}
    assert not any("state file" in line for line in second.lines)


def test_a_state_that_is_old_is_shown_and_measured_again(serve, data_root, tmp_path):
    flags = (data_root, f"--state.file={tmp_path}/state.json", "--scan.duty=1")
    first = serve(*flags)
    settled(first)
    times = first.series(MEASURED)
    first.end()

    second = serve(*flags, "--scan.interval=100ms")

    assert second.until(MEASURED, lambda found: all(found[name] > times[name] for name in times))


def test_without_the_flag_nothing_is_kept(serve, data_root, tmp_path):
    before = sorted(os.listdir(tmp_path))
    first = serve(data_root)
    settled(first)
    first.end()

    assert sorted(os.listdir(tmp_path)) == before


def test_a_damaged_state_is_told_in_one_line_and_replaced(serve, data_root, tmp_path):
    path = tmp_path / "state.json"
    path.write_text('{"version": 2, "sources": [')

    serving = serve(data_root, f"--state.file={path}")
    settled(serving)
    serving.end()

    assert len([line for line in serving.lines if f"state file {path} is damaged or cut short" in line]) == 1
    assert len(json.loads(path.read_text())["sources"]) > 12


def test_a_state_below_the_data_root_is_refused_at_the_start(fails, demo, data_root):
    before = sorted(os.listdir(demo.data_root))

    line = fails(2, "serve", data_root, f"--state.file={demo.data_root}/state.json", "--web.listen-address=127.0.0.1:0")

    assert line == (
        f"--state.file: '{demo.data_root}/state.json' lies in the data root {demo.data_root}, "
        "where nothing is written: choose another place"
    )
    assert sorted(os.listdir(demo.data_root)) == before


def test_an_exporter_that_is_killed_while_it_writes_loses_nothing(serve, data_root, tmp_path):
    path = tmp_path / "state.json"
    busy = ("--state.interval=1ms", "--scan.interval=1ms", "--scan.duty=8")
    first = serve(data_root, f"--state.file={path}")
    settled(first)
    sizes = first.series(SIZES)
    first.end()

    for attempt in range(6):
        serving = serve(data_root, f"--state.file={path}", *busy)
        assert serving.series(SIZES) == sizes
        assert len(json.loads(path.read_text())["sources"]) > len(sizes)
        inode = path.stat().st_ino
        while path.stat().st_ino == inode:  # until it writes
            time.sleep(0.001)
        time.sleep(0.0007 * attempt)
        serving.end(signal.SIGKILL)
        assert not any("state file" in line for line in serving.lines)
