"""When the process is restricted, and what it may still do: settings and capabilities decide."""

import pytest

from docker_storage_exporter.confine import sandbox
from docker_storage_exporter.confine.rights import Rights
from docker_storage_exporter.confine.sandbox import Sandbox, restrict_process
from docker_storage_exporter.errors import SettingError

PTRACE = Rights(0, frozenset({"CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"}))
READ = Rights(0, frozenset({"CAP_DAC_READ_SEARCH"}))
ENGINE = "unix:///var/run/docker.sock"


@pytest.fixture(autouse=True)
def handles(monkeypatch):
    """What was asked of the kernel about file handles; nothing is done here either."""
    asked = []
    monkeypatch.setattr(sandbox, "deny_file_handles", lambda: asked.append(True))
    return asked


@pytest.fixture
def denied(monkeypatch):
    """What was asked of the kernel; nothing is done, since it could not be undone here."""
    asked = []

    def deny_writes(folders, ports):
        asked.append((list(folders), list(ports)))
        return 7

    monkeypatch.setattr(sandbox, "deny_writes", deny_writes)
    return asked


@pytest.mark.parametrize(
    ("mode", "rights", "stands"),
    [
        ("auto", READ, True),
        ("auto", Rights(65534), True),
        ("auto", PTRACE, False),
        ("on", PTRACE, True),
        ("off", READ, False),
    ],
)
def test_auto_gives_way_to_the_capability_that_it_would_make_useless(denied, handles, mode, rights, stands):
    restricted = restrict_process(mode, rights, None, ENGINE)

    assert (restricted.stands, len(denied)) == (stands, stands)
    assert restricted.handles is (mode == "off") is not bool(handles)
    assert ("keep this process from writing" in str(restricted)) is not stands


@pytest.mark.parametrize(
    ("engine", "ports"),
    [
        ("unix:///var/run/docker.sock", []),
        ("tcp://127.0.0.1:2376", [2376]),
        ("https://[::1]:2377", [2377]),
        ("tcp://engine.example:2375", [2375, 53]),
        ("http://127.0.0.1", [80]),
        ("https://engine.example", [443, 53]),
        ("tcp://engine.example", []),
    ],
)
def test_only_the_engine_is_connected_to(denied, engine, ports):
    restrict_process("auto", READ, None, engine)

    assert denied == [([], ports)]


def test_the_folder_of_the_state_file_stays_writable_by_whatever_path_it_is_named(denied, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    restricted = restrict_process("auto", READ, f"{tmp_path}/link/state.json", ENGINE)

    assert denied == [([f"{tmp_path}/real"], [])]
    assert str(restricted) == f"Landlock (ABI 7) lets this process write below {tmp_path}/real"


def test_a_kernel_without_it_is_told_and_does_not_stop_anybody_who_does_not_insist(monkeypatch):
    def deny_writes(folders, ports):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(sandbox, "deny_writes", deny_writes)
    why = "the kernel does not offer it (Function not implemented)"

    assert restrict_process("auto", READ, None, ENGINE) == Sandbox(why=why, missing=True, handles=False)
    with pytest.raises(SettingError, match=r"^--security.landlock=on: the kernel .*; auto goes on without it$"):
        restrict_process("on", READ, None, ENGINE)
