"""What exists and where: asked apart, by jobs that may not end."""

import errno
import threading
import time

import pytest

from docker_storage_exporter.errors import AccessError, EngineError
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.inventory.engine import Listing
from docker_storage_exporter.layout import Rules, bind_key, container_key, volume_key
from docker_storage_exporter.measure import LogFiles, Walk
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.model.objects import Container, Engine, Inventory, LogSettings, Mount, StorageRoot, Volume
from docker_storage_exporter.model.places import Unmeasured
from docker_storage_exporter.schedule.crew import Crew
from docker_storage_exporter.schedule.listing import Lister, Locator
from docker_storage_exporter.storage.overlay2 import DRIVER


class Held:
    """An engine with a question that hangs until it is let go."""

    def __init__(self, inventory, *, can_wait=True):
        self.inventory = inventory
        self.released, self.asked = threading.Event(), []
        self._can_wait = can_wait
        self.steps = 0

    def listings(self):
        return (Listing("quick", lambda: self.asked.append("quick")), Listing("slow", self._ask, self._can_wait))

    def assemble(self):
        if isinstance(self.inventory, Exception):
            raise self.inventory
        if callable(self.inventory):
            return self.inventory()
        return self.inventory

    def progress(self):
        return self.steps

    def _ask(self):
        self.released.wait(30)
        self.asked.append("slow")


@pytest.fixture
def crew():
    made = Crew(30)
    yield made
    made.stop()


@pytest.fixture
def root(tmp_path):
    """A data root with one container's layer, and a folder beside it."""
    (tmp_path / "docker/overlay2" / ("a" * 64) / "diff").mkdir(parents=True)
    (tmp_path / "docker/image/overlay2/layerdb/mounts" / ("1" * 64)).mkdir(parents=True)
    (tmp_path / "docker/image/overlay2/layerdb/mounts" / ("1" * 64) / "mount-id").write_text("a" * 64)
    (tmp_path / "srv").mkdir()
    return tmp_path / "docker"


@pytest.fixture
def inventory(root):
    """One container, whose layer only layerdb knows, with a bind mount."""
    mount = Mount("bind", str(root.parent / "srv"), "/srv")
    user = Container("1" * 64, "c", driver="overlay2", mounts=(mount,))
    return Inventory(Engine(), containers=(user,), roots=(StorageRoot(str(root)),))


def test_an_answer_that_can_wait_holds_up_no_list_and_is_told_of_when_it_comes(inventory, crew):
    engine, told = Held(inventory), threading.Event()
    lister = Lister(engine, Host(), crew, told.set)

    listed = lister.list(Rules())

    assert listed.inventory.containers == inventory.containers
    assert engine.asked == ["quick"]
    assert not told.is_set()
    engine.released.set()
    assert told.wait(10)


def test_an_answer_that_a_list_cannot_do_without_is_waited_for(inventory, crew):
    engine = Held(inventory, can_wait=False)
    timer = threading.Timer(0.3, engine.released.set)
    timer.start()

    Lister(engine, Host(), crew, lambda: None).list(Rules())

    assert sorted(engine.asked) == ["quick", "slow"]


def test_a_question_that_fails_is_for_the_engine_to_tell(inventory, crew):
    engine = Held(EngineError("no answer"))
    engine.released.set()

    with pytest.raises(EngineError, match="no answer"):
        Lister(engine, Host(), crew, lambda: None).list(Rules())


def test_a_data_root_that_never_answers_is_said_in_one_line():
    crew, hanging = Crew(0.2), threading.Event()
    crew.begin_watching()
    engine = Held(lambda: hanging.wait(30))
    engine.released.set()

    with pytest.raises(AccessError, match=r"^the data root does not answer: is its disk.*\?$"):
        Lister(engine, Host(), crew, lambda: None).list(Rules())

    hanging.set()
    crew.stop()


def test_a_data_root_that_takes_long_is_waited_for_as_long_as_it_gets_on(inventory):
    crew = Crew(0.2)
    crew.begin_watching()

    def read():
        for _ in range(40):
            engine.steps += 1
            time.sleep(0.02)
        return inventory

    engine = Held(read)
    engine.released.set()

    assert Lister(engine, Host(), crew, lambda: None).list(Rules()).inventory.containers == inventory.containers
    crew.stop()


def test_a_store_that_takes_long_is_waited_for_as_long_as_it_gets_on(inventory, monkeypatch):
    crew = Crew(0.2)
    crew.begin_watching()

    original = type(DRIVER).read

    def read(driver, roots, host, previous, step):
        for _ in range(40):
            step()
            time.sleep(0.02)
        return original(driver, roots, host, previous, step)

    monkeypatch.setattr(type(DRIVER), "read", read)
    places = Locator(Host(), crew).locate(inventory, Rules()).plan.places

    assert places[container_key("1" * 64)].source is not None
    crew.stop()


def test_a_layer_is_found_in_its_store_and_a_source_at_its_path(inventory, root, crew):
    places = Locator(Host(), crew).locate(inventory, Rules()).plan.places

    assert places[container_key("1" * 64)].source == Walk((f"{root}/overlay2/{'a' * 64}/diff",))
    assert places[bind_key(f"{root.parent}/srv")].source == Walk((f"{root.parent}/srv",))


def test_every_root_is_given_its_filesystem(inventory, root, crew):
    (found,) = Locator(Host(), crew).locate(inventory, Rules()).inventory.roots

    host = Host()
    assert host.device(found.mountpoint) == host.device(str(root))


class Silent(Host):
    """A host on which some paths do not answer."""

    def __init__(self, *paths):
        super().__init__()
        self.silent = set(paths)
        self.released = threading.Event()

    def resolve(self, path, mounts, touch=None):
        if path in self.silent:
            if touch is not None:
                touch(path)
            self.released.wait(30)
        return super().resolve(path, mounts, touch)


def test_a_source_that_does_not_answer_costs_itself_alone(inventory, root, tmp_path):
    crew = Crew(0.2)
    crew.begin_watching()
    for name in ("other", "third"):
        (tmp_path / name).mkdir()
    mounts = tuple(Mount("bind", f"{tmp_path}/{name}", f"/{name}") for name in ("other", "srv", "third"))
    user = Container("1" * 64, "c", driver="overlay2", layer="a" * 64, mounts=mounts)
    host = Silent(f"{tmp_path}/srv")

    listed = Inventory(Engine(), containers=(user,), roots=inventory.roots)
    places = Locator(host, crew).locate(listed, Rules()).plan.places

    host.released.set()
    crew.stop()
    assert {path: places[bind_key(f"{tmp_path}/{path}")].unmeasured for path in ("other", "srv", "third")} == {
        "other": None,
        "srv": Unmeasured.STUCK,
        "third": None,
    }


def test_a_source_that_stops_answering_stays_where_it_was(inventory, root):
    crew = Crew(0.2)
    crew.begin_watching()
    host = Silent()
    locator, source = Locator(host, crew), f"{root.parent}/srv"
    before = locator.locate(inventory, Rules()).plan.places[bind_key(source)]
    host.silent.add(source)

    after = locator.locate(inventory, Rules()).plan.places[bind_key(source)]

    host.released.set()
    crew.stop()
    assert after == before
    assert after.source == Walk((source,))


def test_a_store_that_cannot_be_read_is_known_from_before(inventory, root, crew, monkeypatch):
    locator = Locator(Host(), crew)
    before = locator.locate(inventory, Rules()).plan.places[container_key("1" * 64)]
    fresh = Locator(Host(), crew)

    def fail(*_):
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(Host, "location", fail)

    assert locator.locate(inventory, Rules()).plan.places[container_key("1" * 64)] == before
    assert fresh.locate(inventory, Rules()).plan.places[container_key("1" * 64)].unmeasured is Unmeasured.IO


def test_on_a_disk_that_is_refused_no_store_is_read(inventory, crew, monkeypatch):
    monkeypatch.setattr(Host, "location", lambda *_: pytest.fail("read"))
    refused = Inventory(
        Engine(), containers=inventory.containers, roots=inventory.roots, refused=Unmeasured.FOREIGN_ENGINE
    )

    place = Locator(Host(), crew).locate(refused, Rules()).plan.places[container_key("1" * 64)]

    assert place.unmeasured is Unmeasured.FOREIGN_ENGINE


class Moved:
    """A data root whose folders are links of the administrator's to another disk."""

    def __init__(self, folder):
        self.root, self.disk = folder / "docker", folder / "disk"
        (self.root / "containers").mkdir(parents=True)
        (self.disk / "volumes/v/_data").mkdir(parents=True)

    def places(self, *, volumes=("v",), containers=()):
        """The places of volumes and containers, by their ids."""
        crew = Crew(30)
        inventory = Inventory(
            Engine(), tuple(map(Volume, volumes)), tuple(containers), roots=(StorageRoot(str(self.root)),)
        )
        places = Locator(Host(), crew).locate(inventory, Rules()).plan.places
        crew.stop()
        return places


@pytest.fixture
def moved(tmp_path):
    """No link yet."""
    return Moved(tmp_path)


def test_volumes_behind_a_link_of_the_administrator_s_are_where_it_leads(moved):
    (moved.root / "volumes").symlink_to(moved.disk / "volumes")

    place = moved.places()[volume_key("v")]

    assert place.source == Walk((f"{moved.disk}/volumes/v/_data",))


def test_one_volume_s_data_may_be_a_link_as_well(moved):
    (moved.root / "volumes/v").mkdir(parents=True)
    (moved.root / "volumes/v/_data").symlink_to(moved.disk / "volumes/v/_data")

    assert moved.places()[volume_key("v")].source == Walk((f"{moved.disk}/volumes/v/_data",))


def test_containers_and_layers_behind_links_are_found(moved):
    (moved.disk / "containers").mkdir()
    (moved.disk / "overlay2").mkdir()
    (moved.root / "containers").rmdir()
    for name in ("containers", "overlay2"):
        (moved.root / name).symlink_to(moved.disk / name)
    user = Container("1" * 64, "c", driver="overlay2", layer="a" * 64, log=LogSettings("json-file"))

    places = moved.places(volumes=(), containers=(user,))

    assert places[container_key(user.id)].source == Walk((f"{moved.disk}/overlay2/{'a' * 64}/diff",))
    assert places[container_key(user.id, Kind.LOG)].source == LogFiles(f"{moved.disk}/containers/{user.id}", user.id)


def test_a_link_that_a_container_may_have_made_is_not_believed(moved):
    (moved.root / "volumes").symlink_to(moved.disk / "volumes")
    writer = Container("1" * 64, "c", mounts=(Mount("bind", str(moved.root), "/docker"),))

    place = moved.places(containers=(writer,))[volume_key("v")]

    assert place.source == Walk((f"{moved.root}/volumes/v/_data",))  # which opening refuses, for a link in it


def test_a_link_that_leads_nowhere_is_no_other_place(moved):
    (moved.root / "volumes").symlink_to(moved.disk / "gone")

    assert moved.places()[volume_key("v")].source == Walk((f"{moved.root}/volumes/v/_data",))
