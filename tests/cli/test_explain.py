"""`df --explain` on a made-up data root: whose bytes, what stays, and the command for it."""

import json
import os
import shutil
import subprocess

import pytest
from conftest import need

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
    assert found["facts"]["project"] == "shop"
    assert found["uses"] == [
        {"container": "shop-db-1", "state": "running", "destination": "/var/lib/postgresql/data", "access": "rw"}
    ]
    (part,) = found["parts"]
    assert (part["path"], part["inodes"]) == (str(data), 4)
    largest = {entry["path"]: entry["allocated_bytes"] for entry in found["largest"]}
    assert largest["base"] == du(data / "base")
    assert largest.keys() > {"base"}
    assert found["stays"] == []
    assert found["remedies"] == [
        {
            "what": "remove the volume after the containers that mount it",
            "command": f"{DOCKER} stop shop-db-1 && {DOCKER} rm shop-db-1 && {DOCKER} volume rm shop_db-data",
            "frees_bytes": part["allocated_bytes"],
            "loses": "its data, and what its containers wrote to their layers and logs",
        }
    ]


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
    assert linked["why"] == "in 1 file with names elsewhere too (hard links)"
    assert linked["allocated_bytes"] == os.stat(root.parent / "kept").st_blocks * 512
    assert f"({os.getpid()}), deleted already" in deleted["why"]
    assert deleted["allocated_bytes"] == 90_112
    assert f"({os.getpid()}), until that ends" in living["why"]
    (remedy,) = found["remedies"]
    assert remedy["frees_bytes"] == found["parts"][0]["allocated_bytes"] - linked["allocated_bytes"]
    assert remedy["command"] == f"{DOCKER} volume rm old-wordpress"


def test_a_container_is_its_layer_its_log_and_the_engine_s_files_and_leaves_its_volumes(explain, root):
    folder, layer = container(root, "ci-runner-1")
    subprocess.run(["sync", "-f", root], check=True)  # ext4 allocates blocks late
    before = du(root)

    (by_name,), (by_id,), (by_layer,) = explain("ci-runner-1"), explain(folder.name[:8]), explain(str(layer))

    assert by_name == by_id == by_layer
    assert [part["what"] for part in by_name["parts"]] == ["writable layer", "log files", "engine's files"]
    assert [part["path"] for part in by_name["parts"]] == [str(layer), str(folder), str(folder)]
    assert [stay["why"] for stay in by_name["stays"]] == ["volume ci_runner-cache at /cache, rw"]
    assert by_name["facts"]["project"] == "ci"
    empty, remove = by_name["remedies"]
    log = folder / f"{folder.name}-json.log"
    assert empty["command"] == f"truncate --size=0 -- {log}"
    assert (empty["frees_bytes"], empty["loses"]) == (os.stat(log).st_blocks * 512, "the lines in it")
    assert remove["command"] == f"{DOCKER} stop ci-runner-1 && {DOCKER} rm ci-runner-1"
    assert remove["loses"] == "what it wrote to its layer, and its logs"
    for gone in (folder, layer.parent, root / "image/overlay2/layerdb/mounts" / folder.name):
        shutil.rmtree(gone)
    assert before - du(root) == remove["frees_bytes"] == sum(part["allocated_bytes"] for part in by_name["parts"])


def test_a_log_without_a_limit_says_so_and_one_with_a_limit_does_not(explain, root):
    folders = [container(root, name)[0] for name in ("ci-runner-1", "proxy")]
    logs = [f"{folder}/{folder.name}-json.log" for folder in folders]

    endless, limited = (explain(log)[0]["remark"] for log in logs)

    assert endless == "its log has no limit: --log-opt max-size=SIZE sets one when a container is made"
    assert limited == ""


def du(folder):
    """Allocated bytes. A directory that loses an entry keeps its own."""
    return int(subprocess.run(["du", "-sx", "-B1", folder], capture_output=True, check=True).stdout.split()[0])


@pytest.mark.parametrize(
    ("place", "owner", "command", "loses"),
    [
        (
            "{root}/volumes/mail_spool/_data/data-000000",
            "volume mail_spool",
            "{docker} stop mail-1 && rm -- {path}",
            "what is in it",
        ),
        (
            "{layer}/var",
            "writable layer of container ci-runner-1",
            "{docker} exec ci-runner-1 rm -r -- /var",
            "what is in it",
        ),
        (
            "{folder}/{id}-json.log",
            "log files of container ci-runner-1",
            "truncate --size=0 -- {path}",
            "the lines in it",
        ),
        (
            "{folder}/{id}-json.log-20261124.gz",
            "log files of container ci-runner-1",
            "rm -- {path}",
            "the lines in it",
        ),
    ],
)
def test_a_path_of_an_object_s_has_a_remedy_of_its_own(explain, root, place, owner, command, loses):
    folder, layer = container(root, "ci-runner-1")
    (folder / f"{folder.name}-json.log-20261124.gz").write_bytes(b"x" * 5000)
    path = place.format(root=root, layer=layer, folder=folder, id=folder.name)

    (found,) = explain(path)

    assert (found["target"], found["owner"]) == (path, owner)
    (remedy,) = found["remedies"]
    assert remedy["command"] == command.format(docker=DOCKER, path=path)
    assert remedy["frees_bytes"] == found["parts"][0]["allocated_bytes"] > 0
    assert remedy["loses"] == loses


def test_a_log_that_somebody_has_open_is_free_when_it_is_emptied(explain, root):
    folder, _ = container(root, "ci-runner-1")
    log = folder / f"{folder.name}-json.log"

    with open(log, "rb"):
        (found,) = explain(str(log))

    assert found["stays"] == []
    assert found["remedies"][0]["frees_bytes"] == os.stat(log).st_blocks * 512


UNCLAIMED = "a layer that no container has: an image's, the build cache's, or left over"


@pytest.mark.parametrize(
    ("place", "owner"),
    [
        ("{root}/image/overlay2", "the engine's index of images and layers"),
        ("{root}/overlay2", "layers of images, containers and the build cache"),
        ("{root}/aufs/diff", "layers of the storage driver aufs, which the engine does not use now"),
        ("{root}/overlay2/{unclaimed}", UNCLAIMED),
        ("{root}/overlay2/{unclaimed}/diff", UNCLAIMED),
        ("{layer}", "the engine's directory for container ci-runner-1"),
        ("{layer}/work", "the engine's directory for container ci-runner-1"),
        ("{layer}/merged", "the engine's directory for container ci-runner-1"),
        ("{folder}", "the engine's directory for container ci-runner-1"),
        ("{folder}/hostconfig.json", "the engine's directory for container ci-runner-1"),
        ("{root}", "the data root"),
        ("{containerd}", "in {containerd}, the root of containerd"),
        ("{containerd}/snapshots/7/fs", "in {containerd}, the root of containerd"),
        ("{root}/volumes/mail_spool/_data/dind/overlay2", "in {root}/volumes/mail_spool/_data/dind, {docker}"),
        ("{podman}/overlay", "in {podman}, the root of Podman or CRI-O"),
    ],
)
def test_what_is_an_engine_s_is_never_offered_for_deletion(explain, root, place, owner):
    folder, layer = container(root, "ci-runner-1")
    places = {
        "root": root,
        "layer": layer.parent,
        "folder": folder,
        "unclaimed": "f" * 64,
        "containerd": root.parent / "containerd",
        "podman": root.parent / "storage",
        "docker": "the root of another Docker",
    }
    for made in (
        "{root}/overlay2/{unclaimed}/diff",
        "{root}/aufs/diff",
        "{layer}/work",
        "{layer}/merged",
        "{containerd}/io.containerd.metadata.v1.bolt",
        "{containerd}/snapshots/7/fs",
        "{podman}/overlay",
        *(f"{{root}}/volumes/mail_spool/_data/dind/{name}" for name in ("containers", "image", "volumes", "overlay2")),
    ):
        os.makedirs(made.format(**places), exist_ok=True)
    (root.parent / "storage/storage.lock").touch()

    (found,) = explain(place.format(**places))

    assert found["owner"] == owner.format(**places)
    assert found["remedies"] == []
    assert found["remark"].startswith("an engine's own: never delete it by hand")
    assert ("see --explain ci-runner-1" in found["remark"]) == ("for container" in found["owner"])
    assert found["parts"][0]["allocated_bytes"] > 0


def test_on_the_containerd_store_a_running_container_s_directories_name_it(explain, root):
    """As Docker 29 mounts a container's root: nothing else tells which snapshot is whose."""
    need(root=True)
    folder, _ = container(root, "ci-runner-1")
    snapshot, rootfs = root.parent / "containerd/snapshots/7", root / "rootfs/overlayfs" / folder.name
    for made in (snapshot / "fs", snapshot / "work", rootfs, root.parent / "image"):
        made.mkdir(parents=True)
    (root.parent / "containerd/io.containerd.metadata.v1.bolt").mkdir()
    options = f"lowerdir={root.parent}/image,upperdir={snapshot}/fs,workdir={snapshot}/work"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, rootfs], check=True)
    try:
        (written,), (seen,) = explain(f"{snapshot}/fs"), explain(str(rootfs))
    finally:
        subprocess.run(["umount", rootfs], check=True)

    assert written["owner"] == "the engine's directory for container ci-runner-1"
    assert seen["owner"] == "the mounted root of container ci-runner-1: its image with what it wrote"
    assert seen["parts"][0]["note"] == "not measured: it shows what lies elsewhere"
    assert written["remedies"] == seen["remedies"] == []


@pytest.mark.parametrize(
    ("place", "remark"),
    [
        ("/usr/share", "the host's own files, not the engine's: whether they may go is for you to say"),
        ("{root}/..", "it holds 12 x container_layer, "),
    ],
)
def test_what_is_nobody_s_is_for_the_user_to_say_unless_it_holds_something(explain, root, place, remark):
    (found,) = explain(place.format(root=root))

    assert found["owner"] == "nothing that the engine knows of"
    assert found["remedies"] == []
    assert found["remark"].startswith(remark)


def test_a_source_of_bind_mounts_is_the_host_s_and_never_an_excuse_to_delete_what_an_engine_keeps(explain, root):
    folder, _ = container(root, "ci-runner-1")
    config = json.loads((folder / "config.v2.json").read_text())
    config["MountPoints"]["/host"] = {"Type": "bind", "Source": str(root), "Destination": "/host", "RW": True}
    (folder / "config.v2.json").write_text(json.dumps(config))
    (root / "overlay2" / ("f" * 64) / "diff").mkdir(parents=True)

    (whole,), (layer,) = explain(str(root)), explain(f"{root}/overlay2/{'f' * 64}")

    assert (whole["owner"], whole["remedies"]) == ("the data root", [])
    assert (layer["owner"], layer["remedies"]) == (UNCLAIMED, [])


@pytest.mark.parametrize(
    ("linked", "inside", "owner"),
    [
        ("containers", "{id}/hostconfig.json", "the engine's directory for container ci-runner-1"),
        ("volumes", "metadata.db", "the engine's index of volumes"),
        ("overlay2", "{unclaimed}/link", UNCLAIMED),
    ],
)
def test_a_folder_of_the_engine_s_that_is_a_link_is_the_engine_s_where_it_leads_to(
    explain, root, linked, inside, owner
):
    folder, _ = container(root, "ci-runner-1")
    (root / "volumes/metadata.db").touch()
    (root / "overlay2" / ("f" * 64)).mkdir()
    (root / "overlay2" / ("f" * 64) / "link").touch()
    other = root.parent / "other disk"
    (root / linked).rename(other)
    (root / linked).symlink_to(other)

    (found,) = explain(f"{other}/{inside.format(id=folder.name, unclaimed='f' * 64)}")

    assert (found["owner"], found["remedies"]) == (owner, [])


def test_a_log_that_cannot_be_measured_leaves_the_rest_without_a_number(explain, root):
    folder, _ = container(root, "ci-runner-1")
    shutil.rmtree(folder / "local-logs", ignore_errors=True)
    (folder / "local-logs").symlink_to("/etc")

    (found,) = explain("ci-runner-1")

    layer, logs, rest = found["parts"]
    assert layer["allocated_bytes"] > 0
    assert (logs["allocated_bytes"], rest["allocated_bytes"]) == (None, None)
    assert found["remedies"][-1]["frees_bytes"] is None
    assert found["remark"].startswith("a part without a number is freed as well")


def test_an_overlay_of_the_host_s_own_is_no_engine_s(explain, root):
    need(root=True)
    for name in ("lower", "upper", "work", "etc"):
        (root.parent / name).mkdir()
    options = f"lowerdir={root.parent}/lower,upperdir={root.parent}/upper,workdir={root.parent}/work"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, root.parent / "etc"], check=True)
    try:
        (found,) = explain(str(root.parent / "etc"))
    finally:
        subprocess.run(["umount", root.parent / "etc"], check=True)

    assert found["owner"] == "nothing that the engine knows of"
    assert found["parts"][0]["allocated_bytes"] > 0


def test_a_large_file_is_among_the_largest(explain, root):
    _, layer = container(root, "ci-runner-1")
    (layer / "core.1").write_bytes(b"x" * 30_000_000)

    (found,) = explain("ci-runner-1")

    assert found["largest"][0] == {"path": "core.1", "allocated_bytes": os.stat(layer / "core.1").st_blocks * 512}


def test_a_volume_s_own_folder_is_the_volume(explain, root):
    assert explain(f"{root}/volumes/shop_cache/_data") == explain("shop_cache")


def test_the_text_shows_the_same_and_escapes_what_a_terminal_would_obey(run, root):
    (root / "volumes/odd\x1b[2J/_data").mkdir(parents=True)

    done = run("df", f"--path.data-root={root}", "--explain=odd\x1b[2J", environment={**NOT_LISTENING, **HOST})

    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert done.stdout.startswith(r"odd\x1b[2J: volume")
    assert done.stdout.endswith(
        "  remedy          remove the volume: frees 4.0 KiB, loses its data\n"
        f"                  {DOCKER} volume rm $'odd\\x1b[2J'\n"
    )


@pytest.mark.parametrize(
    ("target", "line"),
    [
        ("shop_db-dat", "shop_db-dat is no volume, container, image or path here; similar: "),
        ("/no/such/path", "/no/such/path: No such file or directory"),
        ("zzzzzz", "zzzzzz is no volume, container, image or path here; df shows what there is"),
    ],
)
def test_what_is_not_there_is_one_line(run, root, target, line):
    done = run("df", f"--path.data-root={root}", f"--explain={target}", environment={**NOT_LISTENING, **HOST})

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(f"docker-storage-exporter: {line}")
