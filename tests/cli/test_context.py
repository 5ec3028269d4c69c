"""Docker contexts: the engine that the docker command would ask, where no other one is named."""

import hashlib
import json

import pytest

from docker_storage_exporter.cli.context import context_settings
from docker_storage_exporter.errors import SettingError


@pytest.fixture
def folder(tmp_path):
    """A folder of Docker's command, and a function that adds a context to it."""

    def add(name, host, *, tls=False):
        digest = hashlib.sha256(name.encode()).hexdigest()
        meta = tmp_path / ".docker/contexts/meta" / digest
        meta.mkdir(parents=True)
        (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}}))
        if tls:
            (tmp_path / ".docker/contexts/tls" / digest / "docker").mkdir(parents=True)
        return tmp_path / ".docker/contexts/tls" / digest / "docker"

    return add


def choose(tmp_path, name):
    (tmp_path / ".docker").mkdir(exist_ok=True)
    (tmp_path / ".docker/config.json").write_text(json.dumps({"currentContext": name}))


def test_without_a_context_the_default_address_holds(tmp_path):
    assert context_settings({}, {"HOME": str(tmp_path)}) == {}


def test_the_current_context_names_the_engine(folder, tmp_path):
    folder("rootless", "unix:///run/user/1000/docker.sock")
    choose(tmp_path, "rootless")

    assert context_settings({}, {"HOME": str(tmp_path)}) == {"docker_host": "unix:///run/user/1000/docker.sock"}


def test_the_variable_wins_over_the_file_and_an_address_over_both(folder, tmp_path):
    folder("one", "tcp://127.0.0.1:1")
    folder("two", "tcp://127.0.0.1:2")
    choose(tmp_path, "one")
    environment = {"HOME": str(tmp_path), "DOCKER_CONTEXT": "two"}

    assert context_settings({}, environment)["docker_host"] == "tcp://127.0.0.1:2"
    assert context_settings({}, {**environment, "DOCKER_CONTEXT": "default"}) == {}
    assert context_settings({"docker_host": "tcp://127.0.0.1:3"}, environment) == {}


def test_a_context_with_certificates_is_asked_with_them(folder, tmp_path):
    certificates = folder("far", "tcp://10.0.0.1:2376", tls=True)

    found = context_settings({}, {"DOCKER_CONFIG": str(tmp_path / ".docker"), "DOCKER_CONTEXT": "far"})

    assert found == {
        "docker_host": "tcp://10.0.0.1:2376", "docker_tls_verify": "true", "docker_cert_path": str(certificates),
    }  # fmt: skip


def test_a_context_that_cannot_be_used_is_one_line(folder, tmp_path):
    folder("far", "ssh://me@far")
    environment = {"HOME": str(tmp_path), "DOCKER_CONTEXT": "far"}

    with pytest.raises(SettingError, match="DOCKER_CONTEXT: the Docker context 'far' is ssh://me@far, which is not"):
        context_settings({}, environment)
    with pytest.raises(SettingError, match="DOCKER_CONTEXT: there is no Docker context 'near'"):
        context_settings({}, {**environment, "DOCKER_CONTEXT": "near"})


@pytest.mark.parametrize("content", ["", "[]", "{", '{"currentContext": 7}', '{"currentContext": "default"}'])
def test_a_configuration_that_names_none_changes_nothing(tmp_path, content):
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(content)

    assert context_settings({}, {"HOME": str(tmp_path)}) == {}


def test_commands_ask_the_engine_of_the_context(run, folder, tmp_path, engine):
    folder("here", f"unix://{tmp_path}/nowhere.sock")
    environment = {"HOME": str(tmp_path), "DOCKER_CONTEXT": "here", "DOCKER_HOST": ""}

    done = run("df", "--no-exporter", f"--path.data-root={tmp_path}/none", environment=environment)

    assert f"no engine answers at unix://{tmp_path}/nowhere.sock" in done.stderr
