"""A snapshot with every kind of row, made by hand, with names as hostile as engines and disks allow."""

from dataclasses import replace

import pytest

from docker_storage_exporter.layout.images import Pieces
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.objects import (
    Container,
    Engine,
    Image,
    Inventory,
    LogSettings,
    Mount,
    StorageRoot,
    Volume,
)
from docker_storage_exporter.model.places import Place, Sized, Skip, Unmeasured
from docker_storage_exporter.model.sizes import Identity, Lineage, Measurement, Size
from docker_storage_exporter.model.text import printable
from pages import bind_row, image_row, layer_row, log_row, page_of, tmpfs, tmpfs_row, volume_row
from pages import logged as logged_place
from pages import mounted as mounted_place
from pages import walked as walked_place

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


def walked(path, allocated, unreadable=0, mountpoint="/"):
    """The measurement of a walked tree."""
    numbers = {"apparent": allocated - 96, "inodes": allocated // 4096, "unreadable": unreadable}
    place = {"at": AT, "identity": Identity(1, allocated), "start": AT - 7200, "mountpoint": mountpoint}
    return walked_place(path, allocated, **numbers, **place)


def volume_rows():
    """Volumes: plain, with a quota, with a filesystem, without a number, and with every hostile name."""
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.volume": "db", "team": "a\\b\n\udcff"}
    users = tuple((identity * 64, Mount("volume", "shop_db", "/data")) for identity in "ax")
    own = (("b" * 64, Mount("volume", "own-fs", "/own-fs", "ro")),)
    mounts = {name: Mount("volume", name, f"/{name}") for name in HOSTILE}
    return (
        volume_row("shop_db", walked("/v/shop_db", 2**53 + 4096, 3), Volume("shop_db", labels=labels), users),
        volume_row("quota", walked("/v/quota", 8192), Volume("quota", limit_bytes=10 * 2**20)),
        volume_row("own-fs", mounted_place("/v/own-fs", 4096, 65536, AT + 1), Volume("own-fs", filesystem="ext4"), own),
        volume_row("0" * 64),
        volume_row("plugin", Sized(Place(skip=Skip.DRIVER)), Volume("plugin", driver="nfs:latest", scope="global")),
        *(volume_row(n, walked(f"/v/{n}", 4096), users=(("b" * 64, mounts[n]),)) for n in HOSTILE),
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
        log=LogSettings("json-file", 30_000_000),
        layer_limit_bytes=2**30,
    )
    hostile = Container("b" * 64, "odd", state="exited")
    log = logged_place("/c/a", "a" * 64, 4096)
    return (
        layer_row(everything, walked("/o/a", 12288)),
        layer_row(hostile, Sized(Place(), failed=Unmeasured.UNKNOWN_LAYER)),
        layer_row(Container("c" * 64, "new", log=LogSettings("none"))),
        log_row(everything, Sized(replace(log.place, mountpoint="/"), log.measurement)),
        log_row(hostile),
        tmpfs_row(everything, Mount("tmpfs", "", "/t"), tmpfs("a" * 64, "/t", 4096, 8192)),
        tmpfs_row(everything, Mount("tmpfs", "", "/later")),
    )


def bind_rows():
    """Sources of bind mounts: a folder, a file inside it, a source without a number, and hostile ones."""
    users = (("a" * 64, Mount("bind", "/srv/site", "/site", "ro")), ("f" * 64, Mount("bind", "/srv/site", "/gone")))
    return (
        bind_row("/srv/site", walked("/srv/site", 8192), users),
        bind_row("/srv/site/x", walked("/x", 4096), users[:1], "file", within="/srv/site", counted=False),
        bind_row("/dev/kvm", Sized(Place(skip=Skip.SYSTEM)), users[:1], "special"),
        *(bind_row(f"/srv/{n}", walked(f"/srv/{n}", 4096), users[:1]) for n in HOSTILE),
    )


def image_rows():
    """Images: one with more tags than are shown, a dangling one, one without a number."""
    tags = ("postgres:17", *(f"shop/db:{number}" for number in range(9)), "shop/last:1")
    images = [Image(f"sha256:{digit * 64}", created=AT - 86400) for digit in "123"]
    lineage = Lineage(0, 0, 0, "pieces", AT)
    sizes = [Sized(Place(), Measurement(Size(size, shared=4096), AT, Pieces(""), lineage)) for size in (2**30, 0)]
    return (
        image_row(images[0], sizes[0], tags, containers=1),
        image_row(images[1], sizes[1]),
        image_row(images[2], Sized(Place(), failed=Unmeasured.IO), tuple(sorted(map(printable, HOSTILE)))),
    )


@pytest.fixture
def snapshot():
    """Everything at once."""
    engine = Engine("docker", "id", "29.0.0", "overlay2", "graphdriver", '/var/lib/"docker"\udcff')
    root = StorageRoot("/var/lib/docker", mountpoint="/")
    return page_of(
        *volume_rows(),
        *container_rows(),
        *bind_rows(),
        *image_rows(),
        inventory=Inventory(engine, source="api", at=AT, roots=(root,)),
        at=AT + 2,
        distinct_bytes={Kind.BIND: 36864, Kind.IMAGE: 2**30 + 4096},
        skipped={(Kind.VOLUME, Skip.DRIVER): 1, (Kind.BIND, Skip.SYSTEM): 1},
        unmeasured={(Kind.LAYER, Unmeasured.UNKNOWN_LAYER): 1},
        pending={Kind.VOLUME: 1},
        cut={Kind.VOLUME: 0, Kind.LAYER: 2, Kind.BIND: 0, Kind.IMAGE: 0},
        mountpoints=("/",),
    )
