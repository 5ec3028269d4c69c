"""Removal: the right commands for each state, and words that a shell takes as they are meant."""

import subprocess

import pytest

from docker_storage_exporter.explain.removal import Removal, shell_quoted
from docker_storage_exporter.model.objects import Container


def container(name, state="running", **labels):
    """A container."""
    return Container(f"id-{name}", name, state=state, labels={key.replace("_", "."): v for key, v in labels.items()})


@pytest.mark.parametrize(
    ("users", "line"),
    [
        ([], "docker volume rm data"),
        (["exited"], "docker rm c0 && docker volume rm data"),
        (["created", "running"], "docker stop c1 && docker rm c0 c1 && docker volume rm data"),
        (["paused", "running"], "docker stop c1 && docker rm c1 && docker rm --force c0 && docker volume rm data"),
        (["dead"], "docker rm --force c0 && docker volume rm data"),
    ],
)
def test_a_volume_goes_after_the_containers_that_mount_it(users, line):
    assert Removal().of_volume("data", [container(f"c{n}", state) for n, state in enumerate(users)]) == line


def test_a_service_is_removed_rather_than_the_container_that_it_would_replace():
    task = container("web.1.xyz", com_docker_swarm_service_name="web")

    assert Removal().of_container(task) == "docker service rm web"


def test_another_engine_is_named():
    line = Removal("tcp://127.0.0.1:2375").of_container(container("web", "exited"))

    assert line == "docker --host tcp://127.0.0.1:2375 rm web"


def test_a_path_goes_after_its_writers_have_stopped():
    users = [container("web"), container("old", "exited")]

    assert Removal().of_path("/srv/a b", users, directory=True) == "docker stop web && rm -r -- '/srv/a b'"
    assert Removal().of_path("/srv/file", [], directory=False) == "rm -- /srv/file"


def test_what_is_in_use_by_a_container_or_the_engine_is_changed_by_them_or_emptied():
    assert Removal().of_path_in_container(container("web"), "/tmp/x") == "docker exec web rm -r -- /tmp/x"
    assert Removal().of_log("/x-json.log") == "truncate --size=0 -- /x-json.log"


@pytest.mark.parametrize(
    "text", ["plain", "a b", "$(id)", "it's", "-rf", "new\nline", "\udcff\\'", "ünï", "\x1b[2J", ""]
)
def test_a_shell_reads_a_quoted_word_as_it_was_and_a_terminal_gets_no_command(text):
    quoted = shell_quoted(text)

    done = subprocess.run(["bash", "-c", f"printf %s {quoted}"], capture_output=True, check=True)

    assert done.stdout == text.encode("utf-8", "surrogateescape")
    assert quoted.isprintable()
