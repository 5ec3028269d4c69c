"""The exporter in a container with one capability and both roots mounted: every number is there."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path

import pytest
from conftest import need
from deploy.base import RUNTIME, tree
from engine.dockerd import Scraped, du
from monitoring import free_port

from engines.test_layers import CONTAINERS, LAYER, VOLUME, layer_path

SOURCE = Path(__file__).parent.parent.parent / "exporter"
RIGHTS = ("--read-only", "--cap-drop=ALL", "--cap-add=DAC_READ_SEARCH", "--security-opt=no-new-privileges")


class Contained(Scraped):
    """An exporter in a container, which is listened to at a port of the host's."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"

    def may_answer_later(self):
        """It is only slow to start."""
        return True


@pytest.fixture
def contained(engine, tmp_path):
    """The exporter, out of this checkout, on Debian's Python."""
    need("dpkg-query", "tar", root=True)
    archive = tree(engine.folder / "python.tar", *RUNTIME)
    engine.docker("import", str(archive), "python:test")
    port, packages = free_port(), sysconfig.get_path("purelib")
    roots = [engine.data_root, *([engine.containerd_root] if engine.store != "overlay2" and not engine.managed else [])]
    inside = engine.folder / "inside"  # the engine's own root has neither
    for name, path in (("exporter", SOURCE), ("packages", packages)):
        copied(path, inside / name)
    volumes = [f"{root}:/host{root}:ro,rslave" for root in roots]
    volumes += [f"{inside}:/program:ro", f"{engine.folder}/docker.sock:/var/run/docker.sock"]
    engine.docker(
        "run", "--detach", "--name", "exporter", "--network=host", *RIGHTS,
        *(f"--volume={volume}" for volume in volumes),
        "--env=PYTHONPATH=/program/exporter:/program/packages",
        "python:test", "/usr/bin/python3", "-m", "docker_storage_exporter", "--path.rootfs=/host",
        f"--web.listen-address=127.0.0.1:{port}", "--scan.interval=500ms", "--publish.interval=200ms", "--scan.duty=1",
    )  # fmt: skip
    yield Contained(port)
    engine.docker("rm", "--force", "exporter")
    engine.docker("image", "rm", "python:test")


def copied(source, target):
    """Copy what Python needs of a folder."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "pip", "mypy*", "ruff*"))


def test_with_one_capability_every_number_is_what_du_says(engine, contained):
    wanted = {name: du(layer_path(engine, name)) for name in CONTAINERS}
    wanted["orders"] = du(engine.volume_path("orders"))

    page = contained.settled()

    found = page.by("container", LAYER) | page.by("volume", VOLUME)
    assert {name: found.get(name) for name in wanted} == wanted
    images = engine.docker("image", "ls", "--quiet", "--no-trunc").split()
    assert page.by("image_id", "docker_image_unique_bytes").keys() == set(images)
    for kind in ("volume", "container_layer", "container_log", "image"):
        reasons = {dict(labels)["reason"]: number for labels, number in unmeasured(page, kind)}
        assert not any(reasons.values()), (kind, reasons)


def unmeasured(page, kind):
    """The objects of a kind without a number, by reason. Bind mounts from outside of the roots are among the others."""
    name = "docker_storage_unmeasured_objects"
    return [(labels, n) for (found, labels), n in page.samples.items() if found == name and ("kind", kind) in labels]
