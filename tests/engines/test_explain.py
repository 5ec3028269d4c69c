"""What `df --explain` says of containerd's own directories: whose they are, and never that they may be deleted."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from engine.dockerd import IMAGE

from docker_storage_exporter.bolt import read_file
from docker_storage_exporter.storage.containerd.snapshots import snapshots_in


@pytest.fixture
def explain(engine):
    """Explain something beside the engine; the one explanation, as JSON."""
    if engine.store == "overlay2":
        pytest.skip("the layers are not containerd's")

    def explain(target):
        command = [sys.executable, "-m", "docker_storage_exporter", "df", "--format=json", "--explain", str(target)]
        done = subprocess.run(
            [*command, "--no-exporter", f"--docker.host={engine.host}"],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        (found,) = json.loads(done.stdout)
        return found

    return explain


def directories(engine):
    """Every snapshot's directory."""
    return sorted((engine.containerd_root / f"io.containerd.snapshotter.v1.{engine.store}/snapshots").iterdir())


def test_every_layer_is_somebody_s_and_none_is_offered_for_deletion(engine, explain):
    engine.docker("builder", "prune", "--force", "--filter", "until=24h")  # which lets containerd collect
    owners = {path: explain(path) for path in directories(engine) if path.exists()}

    ours = [found for found in owners.values() if found["owner"] != "container"]  # with native a layer has no parent
    assert all(found["remedies"] == [] for found in ours)
    said = " ".join(found["owner"] for found in owners.values())
    for name in ("image", "container", "the build cache"):
        assert name in said
    assert "does not list" not in said


def test_a_running_container_s_layer_is_the_container(engine, explain):
    identity = engine.docker("inspect", "--format={{.Id}}", "writer")
    shown = explain("writer")

    layer = next(part["path"] for part in shown["parts"] if part["what"] == "writable layer")
    assert shown["facts"]["id"] == identity[:12]
    assert explain(layer)["target"] == "writer"
    assert {part["what"] for part in shown["parts"]} == {"writable layer", "log files", "engine's files"}
    assert all(part["allocated_bytes"] is not None for part in shown["parts"])


def test_an_image_that_is_mounted_is_the_container_s_that_mounts_it(engine, explain):
    mount = f"type=image,source={IMAGE},target=/image"
    identity = engine.docker(
        "create", "--network", "none", "--name", "mounter", "--mount", mount, IMAGE, "sleep", "1000"
    )
    try:
        engine.docker("start", "mounter")
        facts = read_file(str(metadata(engine)), snapshots_in).content
        (mounted,) = [
            one for one in facts.by_number.values() if one.name.startswith(f"{identity}-{IMAGE.split(':')[0]}")
        ]
        found = explain(metadata(engine).parent / f"snapshots/{mounted.number}")
        assert found["owner"] == f"a layer of container {identity[:12]}"
        assert explain("mounter")["parts"][0]["allocated_bytes"] is not None
    finally:
        engine.docker("rm", "--force", "mounter")


def metadata(engine):
    """The snapshotter's database."""
    return engine.containerd_root / f"io.containerd.snapshotter.v1.{engine.store}/metadata.db"


def test_the_whole_root_is_containerd_s(engine, explain):
    for path in ("", "/io.containerd.content.v1.content", "/io.containerd.metadata.v1.bolt/meta.db"):
        found = explain(f"{engine.containerd_root}{path}")
        assert found["remedies"] == []
        assert "never delete it by hand" in found["remark"]


def test_an_image_goes_by_its_tag_and_by_its_id(engine, explain):
    by_tag, by_id = explain(IMAGE), explain(json.loads(engine.docker("image", "inspect", IMAGE))[0]["Id"])

    assert by_tag == by_id
    assert (by_tag["target"], by_tag["owner"]) == ("busybox:alias", "image")
    assert by_tag["facts"]["tags"] == f"busybox:alias, {IMAGE}"
