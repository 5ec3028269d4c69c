"""`serve` under Landlock: the same page, the state still written, and a line that says where writing is allowed."""

import json
import os
import platform
import signal
import sys
from pathlib import Path

import pytest
from conftest import need, need_landlock

from cli.conftest import GOOD

SIZES = ("docker_volume_allocated_bytes", "docker_container_layer_allocated_bytes", "docker_container_log_bytes")
RESTRICTED = "docker_storage_exporter_landlock_restricted"
# A kernel that lets nobody ask for Landlock, as a container's seccomp filter may.
FILTERED = """
import os, sys
sys.path[:0] = [{tests!r}]
from sizer import confined
confined.SYSTEM_CALLS[{machine!r}]["landlock_create_ruleset"] = 444
confined.fail("landlock_create_ruleset", "EPERM")
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture(autouse=True)
def _there():
    need_landlock()


def _settled(serving):
    serving.until("docker_storage_pending_objects", lambda found: found and not any(found.values()))
    return {name: serving.series(name) for name in SIZES}


def _no_new_privileges(serving):
    return "NoNewPrivs:\t1" in Path(f"/proc/{serving.process.pid}/status").read_text()


def _filters(process):
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("Seccomp_filters:")))


def test_the_page_is_the_same_and_the_state_is_written(serve, data_root, tmp_path):
    flags = (data_root, f"--state.file={tmp_path}/state/ledger.json", "--web.enable-reload")
    (tmp_path / "state").mkdir()
    free = serve(*flags, "--security.landlock=off")
    expected = _settled(free)
    assert free.end() == 0
    os.unlink(tmp_path / "state/ledger.json")

    serving = serve(*flags, "--security.landlock=on", "--state.interval=100ms")

    assert _settled(serving) == expected
    assert serving.series(RESTRICTED) == {"": 1}
    assert _no_new_privileges(serving)
    assert _filters(serving.process.pid) == _filters("self") + 1  # against file handles
    serving.process.send_signal(signal.SIGHUP)
    assert serving.end() == 0
    assert len(json.loads((tmp_path / "state/ledger.json").read_text())["sources"]) > 12
    assert any(f"lets this process write below {tmp_path}/state" in line for line in serving.lines)


def test_off_leaves_it_away(serve, data_root):
    serving = serve(data_root, "--security.landlock=off")

    assert serving.series(RESTRICTED) == {"": 0}
    assert _filters(serving.process.pid) == _filters("self")


def test_without_the_capability_to_enter_containers_it_goes_up_by_itself(serve, data_root):
    need("setpriv", root=True)

    serving = serve(data_root, before=("setpriv", "--bounding-set=-all,+dac_read_search"))

    assert serving.series(RESTRICTED) == {"": 1}
    assert any("lets this process write nowhere" in line for line in serving.lines)


def test_an_engine_at_a_port_is_still_asked(serve, data_root, engine):
    serving = serve(data_root, "--security.landlock=on", environment={"DOCKER_HOST": engine(GOOD, tcp=True)})

    assert serving.until("docker_engine_up", lambda found: found == {"docker": 1})


def _filtered():
    return sys.executable, "-c", FILTERED.format(tests=str(Path(__file__).parents[1]), machine=platform.machine())


def test_where_a_filter_forbids_to_ask_it_goes_on_without(run, data_root):
    need("setpriv", root=True)

    before = ("setpriv", "--bounding-set=-all,+dac_read_search", *_filtered())
    done = run("doctor", data_root, "--format=json", before=before)

    found = {finding["check"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert found["landlock"]["state"] == "warning"
    assert found["landlock"]["what"].endswith("the kernel does not offer it (Operation not permitted)")


def test_who_insists_is_told_in_one_line(fails, data_root):
    line = fails(2, "serve", data_root, "--security.landlock=on", before=_filtered())

    assert line == (
        "--security.landlock=on: the kernel does not offer it (Operation not permitted); auto goes on without it"
    )
