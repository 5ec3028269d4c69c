"""A real server on a free port, with an application made of a small page."""

import threading

import pytest
from prometheus_client import CollectorRegistry, Gauge

from docker_storage_exporter.collector import Pages
from docker_storage_exporter.model import Engine, Inventory, Kind, Place, Sized, Snapshot, Volume, VolumeRow
from docker_storage_exporter.settings import Address
from docker_storage_exporter.store import Store
from docker_storage_exporter.web import Server, application


@pytest.fixture
def store():
    """Nothing is listed yet."""
    return Store()


@pytest.fixture
def pages():
    """Pages with one live series."""
    registry = CollectorRegistry()
    Gauge("live", "Something live.", registry=registry).set(3)
    return Pages(registry)


@pytest.fixture
def snapshot():
    """Two volumes, one of them still to be measured."""
    rows = tuple(VolumeRow(name, Volume(name), Sized(Place())) for name in ("a", "b"))
    return Snapshot(Inventory(Engine()), at=1.0, volumes=rows, pending={Kind.VOLUME: 1})


@pytest.fixture
def app(pages, store):
    """The application."""
    return application(pages, store)


@pytest.fixture
def start():
    """Start a server for an application; it ends with the test."""
    running = []

    def start(application, address=Address("127.0.0.1", 0), **options):  # noqa: B008 - a frozen value
        server = Server(address, application, **options)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()
