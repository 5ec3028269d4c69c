"""`df --explain` on a made-up data root: whose bytes, what stays, and the command for it."""

import json
import os
import shutil

import pytest

NOT_LISTENING = {"DSE_WEB_LISTEN_ADDRESS": "127.0.0.1:1"}


@pytest.fixture
def root(demo, tmp_path):
    """A data root of the test's own."""
    shutil.copytree(demo.data_root, tmp_path / "docker")
    return tmp_path / "docker"


@pytest.fixture
def explain(run, root):
    """The explanations of a target."""

    def explain(target):
        given = (f"--path.data-root={root}", "--format=json", f"--explain={target}")
        done = run("df", *given, environment={**NOT_LISTENING, **HOST})
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return explain


HOST = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
DOCKER = "docker --host unix:///nowhere/docker.sock"


def container(root, name):
    """The folder of a container and that of its layer."""
    for folder in (root / "containers").iterdir():
        if json.loads((folder / "config.v2.json").read_text())["Name"] == f"/{name}":
            layer = (root / "image/overlay2/layerdb/mounts" / folder.name / "mount-id").read_text()
            return folder, root / "overlay2" / layer / "diff"
    raise LookupError(name)


def test_a_volume_names_its_users_its_largest_directories_and_how_to_remove_it(explain, root):
    data = root / "volumes/shop_db-data/_data"
    (data / "base").mkdir()
    (data / "base/table").write_bytes(b"x" * 200_000)

    (found,) = explain("shop_db-data")

    assert (found["target"], found["owner"], found["facts"]["driver"]) == ("shop_db-data", "volume", "local")
    assert found["uses"] == [
        {"container": "shop-db-1", "state": "running", "destination": "/var/lib/postgresql/data", "access": "rw"}
    ]
    (part,) = found["parts"]
    assert (part["path"], part["inodes"]) == (str(data), 4)
    assert found["largest"][0]["path"] == "base"
    assert found["frees_bytes"] == part["allocated_bytes"]
    assert found["stays"] == []
    assert found["command"] == f"{DOCKER} stop shop-db-1 && {DOCKER} rm shop-db-1 && {DOCKER} volume rm shop_db-data"


def test_what_has_names_elsewhere_or_is_held_open_stays(explain, root):
    data = root / "volumes/old-wordpress/_data"
    os.link(data / "data-000000", root.parent / "kept")
    (data / "held").write_bytes(b"x" * 50_000)
    held = os.open(data / "held", os.O_RDONLY)
    (data / "gone").write_bytes(b"x" * 90_000)
    gone = os.open(data / "gone", os.O_RDONLY)
    os.unlink(data / "gone")
    try:
        (found,) = explain("old-wordpress")
    finally:
        os.close(held)
        os.close(gone)

    linked, deleted, living = found["stays"]
    assert linked["why"] == "in 1 files that have names elsewhere too (hard links)"
    assert linked["allocated_bytes"] == os.stat(root.parent / "kept").st_blocks * 512
    assert f"({os.getpid()}), deleted already" in deleted["why"]
    assert deleted["allocated_bytes"] == 90_112
    assert f"({os.getpid()}), until that ends" in living["why"]
    assert found["frees_bytes"] == found["parts"][0]["allocated_bytes"] - linked["allocated_bytes"]
    assert found["command"] == f"{DOCKER} volume rm old-wordpress"


def test_a_container_is_its_layer_and_log_and_leaves_its_volumes(explain, root):
    folder, layer = container(root, "ci-runner-1")

    (by_name,), (by_id,) = explain("ci-runner-1"), explain(folder.name[:8])

    assert by_name == by_id
    assert [part["path"] for part in by_name["parts"]] == [str(layer), str(folder)]
    assert by_name["frees_bytes"] == sum(part["allocated_bytes"] for part in by_name["parts"])
    assert [stay["why"] for stay in by_name["stays"]] == ["volume ci_runner-cache at /cache, rw"]
    assert by_name["facts"]["project"] == "ci"
    assert by_name["command"] == f"{DOCKER} stop ci-runner-1 && {DOCKER} rm ci-runner-1"


@pytest.mark.parametrize(
    ("place", "owner", "command"),
    [
        ("{root}/volumes/mail_spool/_data/data-000000", "volume mail_spool", "{docker} stop mail-1 && rm -- {path}"),
        ("{layer}/var", "writable layer of container ci-runner-1", "{docker} exec ci-runner-1 rm -r -- /var"),
        ("{folder}/{id}-json.log", "log files of container ci-runner-1", "truncate --size=0 -- {path}"),
        ("{root}/image/overlay2", "the engine's index of images and layers", ""),
        ("{root}", "the data root", ""),
        ("/usr/share", "nothing that the engine knows of", ""),
    ],
)
def test_a_path_belongs_to_the_object_that_it_is_in(explain, root, place, owner, command):
    folder, layer = container(root, "ci-runner-1")
    path = place.format(root=root, layer=layer, folder=folder, id=folder.name)

    (found,) = explain(path)

    assert (found["target"], found["owner"]) == (path, owner)
    assert found["command"] == command.format(docker=DOCKER, path=path)
    assert found["parts"][0]["allocated_bytes"] > 0


def test_a_volume_s_own_folder_is_the_volume(explain, root):
    assert explain(f"{root}/volumes/shop_cache/_data") == explain("shop_cache")


def test_the_text_shows_the_same_and_escapes_what_a_terminal_would_obey(run, root):
    (root / "volumes/odd\x1b[2J/_data").mkdir(parents=True)

    done = run("df", f"--path.data-root={root}", "--explain=odd\x1b[2J", environment={**NOT_LISTENING, **HOST})

    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert done.stdout.startswith(r"odd\x1b[2J: volume")
    assert done.stdout.endswith(f"  remove          {DOCKER} volume rm $'odd\\x1b[2J'\n")


@pytest.mark.parametrize(
    ("target", "line"),
    [
        ("shop_db-dat", "shop_db-dat is no volume, container or path here; similar: "),
        ("/no/such/path", "/no/such/path: No such file or directory"),
        ("zzzzzz", "zzzzzz is no volume, container or path here; df shows what there is"),
    ],
)
def test_what_is_not_there_is_one_line(run, root, target, line):
    done = run("df", f"--path.data-root={root}", f"--explain={target}", environment={**NOT_LISTENING, **HOST})

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(f"docker-storage-exporter: {line}")
