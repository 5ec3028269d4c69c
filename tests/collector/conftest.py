"""A snapshot with every kind of row, made by hand, with names as hostile as engines and disks allow."""

import pytest

from docker_storage_exporter.model import (
    BindRow,
    Container,
    ContainerRow,
    Engine,
    Inventory,
    Kind,
    LogSettings,
    Measurement,
    Method,
    Mount,
    Place,
    Sized,
    Skip,
    Snapshot,
    TmpfsRow,
    Tree,
    Unmeasured,
    Volume,
    VolumeRow,
    printable,
)
from docker_storage_exporter.sizer import Usage

HOSTILE = (
    "bad\udcff\udcfe",
    'quote"',
    "back\\slash",
    "line\nfeed",
    "nul\0",
    "whale \N{SPOUTING WHALE}",
    "surrogate\ud800",
)
AT = 1_760_000_000.25


def walked(path, allocated, unreadable=None):
    """The measurement of a walked tree."""
    usage = Usage(
        allocated_bytes=allocated, apparent_bytes=allocated - 96, inodes=allocated // 4096, unreadable=unreadable or {}
    )
    return Sized(Place(Tree(Method.WALK, path)), Measurement(usage, at=AT, identity=(1, allocated)))


def mounted(path, used, total):
    """The measurement of something that is a filesystem of its own."""
    usage = Usage(allocated_bytes=used, inodes=2)
    return Sized(
        Place(Tree(Method.FILESYSTEM, path)), Measurement(usage, at=AT + 1, size_bytes=total, avail_bytes=total - used)
    )


def volume_rows():
    """Volumes: plain, with a quota, with a filesystem, without a number, and with every hostile name."""
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.volume": "db", "team": "a\\b\n\udcff"}
    return (
        VolumeRow("shop_db", Volume("shop_db", labels=labels), walked("/v/shop_db", 2**53 + 4096, {"EACCES": 3}), 2),
        VolumeRow("quota", Volume("quota", limit_bytes=10 * 2**20), walked("/v/quota", 8192)),
        VolumeRow("own-fs", Volume("own-fs", filesystem="ext4"), mounted("/v/own-fs", 4096, 65536), 1),
        VolumeRow("0" * 64, Volume("0" * 64), Sized(Place(Tree(Method.WALK, "/v/0")))),
        VolumeRow("plugin", Volume("plugin", driver="nfs:latest", scope="global"), Sized(Place(skip=Skip.DRIVER))),
        *(VolumeRow(printable(name), Volume(name), walked(f"/v/{name}", 4096)) for name in HOSTILE),
    )


def container_rows():
    """Containers: one with everything, one that has nothing, one whose mounts have hostile names."""
    swarm = {"com.docker.compose.project": "shop", "com.docker.compose.service": "db", "team": "core"}
    everything = Container(
        "a" * 64,
        "shop-db-1",
        image_id="sha256:" + "1" * 64,
        image="postgres:17",
        state="running",
        pid=7,
        created=AT - 3600.5,
        labels={**swarm, "com.docker.swarm.service.name": "shop_db"},
        mounts=(
            Mount("volume", "shop_db", "/data"),
            Mount("bind", "/srv/site", "/site", "ro"),
            Mount("tmpfs", "", "/t"),
        ),
        log=LogSettings("json-file", 30_000_000),
        layer_limit_bytes=2**30,
    )
    hostile = Container("b" * 64, "odd", state="exited", mounts=tuple(Mount("volume", n, f"/{n}") for n in HOSTILE))
    return (
        ContainerRow(
            "shop-db-1",
            everything,
            walked("/o/a", 12288),
            log=walked("/c/a", 4096),
            tmpfs=(TmpfsRow("/t", mounted("/t", 4096, 8192)), TmpfsRow("/later", Sized(Place()))),
        ),
        ContainerRow("odd", hostile, Sized(Place(), failed=Unmeasured.UNKNOWN_LAYER), log=Sized(Place())),
        ContainerRow("new", Container("c" * 64, "new", log=LogSettings("none")), Sized(Place())),
    )


def bind_rows():
    """Sources of bind mounts: a folder, a file inside it, a source without a number, and hostile ones."""
    users = (("a" * 64, Mount("bind", "/srv/site", "/site", "ro")), ("f" * 64, Mount("bind", "/srv/site", "/gone")))
    return (
        BindRow("/srv/site", "/srv/site", walked("/srv/site", 8192), users),
        BindRow("/srv/site/x", "/srv/site/x", walked("/x", 4096), users[:1], "file", within="/srv/site", counted=False),
        BindRow("/dev/kvm", "/dev/kvm", Sized(Place(skip=Skip.SYSTEM)), users[:1], "special"),
        *(BindRow(printable(f"/srv/{n}"), f"/srv/{n}", walked(f"/srv/{n}", 4096), users[:1]) for n in HOSTILE),
    )


@pytest.fixture
def snapshot():
    """Everything at once."""
    engine = Engine("docker", "id", "29.0.0", "overlay2", "graphdriver", '/var/lib/"docker"\udcff')
    return Snapshot(
        inventory=Inventory(engine, source="api", at=AT, root="/var/lib/docker"),
        at=AT + 2,
        volumes=volume_rows(),
        containers=container_rows(),
        binds=bind_rows(),
        bind_distinct_bytes=36864,
        skipped={(Kind.VOLUME, Skip.DRIVER): 1, (Kind.BIND, Skip.SYSTEM): 1},
        unmeasured={(Kind.LAYER, Unmeasured.UNKNOWN_LAYER): 1},
        pending={Kind.VOLUME: 1},
        cut={Kind.VOLUME: 0, Kind.LAYER: 2, Kind.BIND: 0},
    )
