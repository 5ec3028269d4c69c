"""Images on every store of an engine of today: what they say is what removing them frees."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess

import pytest
from engine.dockerd import IMAGE, du

from waiting import wait_until

UNIQUE, SHARED = "docker_image_unique_bytes", "docker_image_shared_bytes"


def folders(engine):
    """Where layers and content lie."""
    if engine.store == "overlay2":
        return [engine.data_root / "overlay2"]
    content = engine.containerd_root / "io.containerd.content.v1.content/blobs"
    return [content, engine.containerd_root / f"io.containerd.snapshotter.v1.{engine.store}/snapshots"]


def stored(engine):
    """What all of that takes, and how many snapshots or layers there are."""
    names = [path for folder in folders(engine) for path in folder.iterdir() if folder.name != "blobs"]
    return sum(map(du, folders(engine))), len(names)


def image_id(engine, name):
    """What an image is called on the page."""
    return json.loads(engine.docker("image", "inspect", name))[0]["Id"]


@pytest.fixture
def settled(engine, exporter):
    """A page with a number for each image."""
    images = set(engine.docker("image", "ls", "--quiet", "--no-trunc").split())
    running = exporter(docker_host=engine.host)
    return running.wait_for(lambda page: page.by("image_id", UNIQUE).keys() == images, "a number for each image")


def test_each_digest_is_one_image_with_all_its_tags_and_containers(engine, settled):
    base = image_id(engine, IMAGE)

    assert settled.value("docker_image_info", image_id=base, image="busybox:alias") == 1
    for tag in ("busybox:alias", IMAGE):
        assert settled.value("docker_image_tag_info", image_id=base, image=tag) == 1
    assert settled.value("docker_image_containers", image_id=base) == 4
    assert settled.value("docker_image_containers", image_id=image_id(engine, "built:1")) == 0
    assert settled.value("docker_image_created_timestamp_seconds", image_id=base) > 1_700_000_000
    assert len(settled.by("image", "docker_image_tag_info")) == 4


def test_the_whole_of_an_image_is_what_its_parts_take(engine, settled):
    for name in (IMAGE, "built:1", "kept:1"):
        identity = image_id(engine, name)
        whole = settled.value(UNIQUE, image_id=identity) + settled.value(SHARED, image_id=identity)
        assert whole == sum(map(du, parts(engine, identity)))


def parts(engine, identity):
    """The files and directories of an image, as the engine's own tools tell them."""
    if engine.store == "overlay2":
        data = json.loads(engine.docker("image", "inspect", identity))[0]["GraphDriver"]["Data"]
        return [path for path in (data["UpperDir"], *data.get("LowerDir", "").split(":")) if path]
    labels = {line.split()[0]: line for line in engine.ctr("content", "ls").splitlines()[1:]}
    pending, digests, tops = [identity], set(), set()
    while pending:
        digest = pending.pop()
        if digest in labels and digest not in digests:
            digests.add(digest)
            pending += re.findall(r"containerd.io/gc.ref.content[^=]*=(sha256:\w+)", labels[digest])
            tops.update(re.findall(r"containerd.io/gc.ref.snapshot[^=]*=(sha256:\w+)", labels[digest]))
    blobs = folders(engine)[0]
    return [*(blobs / digest.replace(":", "/") for digest in digests), *snapshots(engine, tops)]


def snapshots(engine, names):
    """The directories of some snapshots and of those below them."""
    listed = [line.split() for line in engine.ctr("snapshots", "--snapshotter", engine.store, "ls").splitlines()[1:]]
    parents = {words[0]: words[1] if len(words) > 2 else "" for words in listed}
    pending, found = list(names), set()
    while pending:
        name = pending.pop()
        if name and name not in found:
            found.add(name)
            pending.append(parents[name])
    return [directory(engine, name) for name in found]


def directory(engine, name):
    """The directory of a committed snapshot, as a view of it is mounted: the first of overlayfs's lower directories."""
    shown = wait_until(lambda: mounted(engine, name), f"a view of {name}")
    lower = re.search(r"lowerdir=([^:, ]+)", shown)
    return lower[1] if lower else re.search(r"-t bind (\S+)", shown)[1]


def mounted(engine, name):
    """How a view of a snapshot is mounted; empty where containerd removed it meanwhile, since nothing refers to it."""
    client, key = ("snapshots", "--snapshotter", engine.store), f"probe-{name}"
    try:
        engine.ctr(*client, "view", key, name)
        return engine.ctr(*client, "mounts", "/mnt", key)
    except subprocess.CalledProcessError:
        return ""
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            engine.ctr(*client, "rm", key)


def test_removing_an_image_frees_what_it_has_alone(engine, settled):
    alone = settled.value(UNIQUE, image_id=image_id(engine, "kept:1"))
    before, layers = stored(engine)

    engine.docker("image", "rm", "kept:1")

    after, left = stored(engine)
    around = before - after - alone  # what the store keeps beside a layer: `work`, and on overlay2 also links
    assert layers - left == 1
    assert around in AROUND[engine.store]


AROUND = {"overlayfs": {8192}, "native": {0}, "overlay2": {n * 4096 for n in range(1, 6)}}
"""The bytes of a layer's directory that are not the layer."""
