"""Who this process is: read from a status file as the kernel writes it."""

import os
import subprocess
import sys

import pytest
from conftest import need

from docker_storage_exporter.confine.rights import Rights, read_rights
from docker_storage_exporter.hostfs.kernel import read_kernel

STATUS = "Name:\tpython3\nUmask:\t0022\nUid:\t1000\t{uid}\t0\t0\nCapInh:\t0000000000000000\nCapEff:\t{mask}\n"


@pytest.mark.parametrize(
    ("mask", "names"),
    [
        ("0000000000000000", set()),
        ("0000000000000004", {"CAP_DAC_READ_SEARCH"}),
        ("0000000000080002", {"CAP_DAC_OVERRIDE", "CAP_SYS_PTRACE"}),
        ("000001ffffffffff", {"CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE", "CAP_SYS_ADMIN"}),
    ],
)
def test_the_effective_user_and_capabilities_count(tmp_path, mask, names):
    (tmp_path / "status").write_text(STATUS.format(uid=65534, mask=mask))

    assert read_rights(f"{tmp_path}/status") == Rights(65534, frozenset(names))


def test_dropped_capabilities_are_gone():
    need("setpriv", root=True)
    code = "from docker_storage_exporter.confine.rights import read_rights; print(read_rights())"
    command = ["setpriv", "--bounding-set=-all,+sys_ptrace", sys.executable, "-c", code]

    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert said.strip() == "Rights(uid=0, capabilities=frozenset({'CAP_SYS_PTRACE'}))"


def test_this_kernel_has_what_its_release_says():
    kernel = read_kernel()

    release = tuple(int(part) for part in kernel.release.split("-")[0].split(".")[:2])
    assert kernel.openat2 is (release >= (5, 6))
    assert kernel.idle_class
    assert os.sched_getscheduler(0) == os.SCHED_OTHER  # only the thread that tried gave way
