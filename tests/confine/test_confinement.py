"""How a process is confined, read from its folder in /proc as the kernel writes it."""

import os
import subprocess
import sys

import pytest
from conftest import need

from docker_storage_exporter.confine.confinement import Confinement, read_confinement

STATUS = "Name:\tpython3\nNoNewPrivs:\t{flag}\nSeccomp:\t{mode}\nSeccomp_filters:\t1\n"
HOST = "         0          0 4294967295\n"


@pytest.fixture
def process(tmp_path):
    """A process's folder with these facts."""

    def make(flag="0", mode="0", uid_map=HOST, current=None, apparmor=None):
        (tmp_path / "attr/apparmor").mkdir(parents=True)
        (tmp_path / "status").write_text(STATUS.format(flag=flag, mode=mode))
        (tmp_path / "uid_map").write_text(uid_map)
        for name, text in (("attr/current", current), ("attr/apparmor/current", apparmor)):
            if text is not None:
                (tmp_path / name).write_text(text)
        return read_confinement(str(tmp_path))

    return make


@pytest.mark.parametrize(("mode", "name"), [("0", "off"), ("1", "strict"), ("2", "filter"), ("7", "")])
def test_privileges_and_seccomp(process, mode, name):
    found = process(flag="1", mode=mode)

    assert (found.no_new_privileges, found.seccomp) == (True, name)


@pytest.mark.parametrize(
    ("facts", "apparmor", "selinux"),
    [
        ({}, "", ""),
        ({"current": "docker-default (enforce)\n"}, "docker-default (enforce)", ""),
        ({"current": "unconfined\n"}, "unconfined", ""),
        ({"current": "system_u:system_r:container_t:s0:c1,c2\0"}, "", "system_u:system_r:container_t:s0:c1,c2"),
        (
            {"current": "system_u:system_r:spc_t:s0\0", "apparmor": "unconfined\n"},
            "unconfined",
            "system_u:system_r:spc_t:s0",
        ),
        (
            {"current": "", "apparmor": "cri-containerd.apparmor.d (enforce)\n"},
            "cri-containerd.apparmor.d (enforce)",
            "",
        ),
    ],
)
def test_both_security_modules_tell_their_label(process, facts, apparmor, selinux):
    found = process(**facts)

    assert (found.apparmor, found.selinux) == (apparmor, selinux)


@pytest.mark.parametrize(
    ("uid_map", "users"),
    [
        (HOST, ((0, 0, 4294967295),)),
        ("         0     100000      65536\n", ((0, 100000, 65536),)),
        ("0 1000 1\n1 100000 65536\n", ((0, 1000, 1), (1, 100000, 65536))),
        ("", ((0, 0, 4294967295),)),
    ],
)
def test_the_host_s_own_users_are_no_user_namespace(process, uid_map, users):
    found = process(uid_map=uid_map)

    assert (found.users, found.is_remapped) == (users, users != ((0, 0, 4294967295),))


def test_a_process_of_which_nothing_is_told():
    assert read_confinement("/nonexistent") == Confinement()


def _said(*before):
    code = "from docker_storage_exporter.confine.confinement import read_confinement; print(read_confinement())"
    done = subprocess.run([*before, sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_the_flag_of_this_kernel():
    need("setpriv")

    assert "no_new_privileges=True" in _said("setpriv", "--no-new-privs")


@pytest.mark.root
def test_a_user_namespace_of_this_kernel():
    need("unshare", root=True)

    assert f"users=((0, {os.geteuid()}, 1),)" in _said("unshare", "--user", "--map-root-user")
