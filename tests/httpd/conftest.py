"""A real server on a free port, with an application made of a small page."""

import threading
from urllib.parse import urlsplit

import pytest
from conftest import need
from prometheus_client import CollectorRegistry, Gauge

from docker_storage_exporter.collector.pages import Pages
from docker_storage_exporter.httpd.address import Address
from docker_storage_exporter.httpd.guard import guarded
from docker_storage_exporter.httpd.listening import listen
from docker_storage_exporter.httpd.security import CurrentWebSecurity, no_security
from docker_storage_exporter.httpd.server import Server
from docker_storage_exporter.model.keys import Kind
from docker_storage_exporter.store import Store
from docker_storage_exporter.web.app import application
from httpd import pki
from pages import page_of, volume_row


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
    return page_of(volume_row("a"), volume_row("b"), pending={Kind.VOLUME: 1})


@pytest.fixture
def app(pages, store):
    """The application."""
    return application(pages, store)


@pytest.fixture
def start():
    """Start a server for an application; it ends with the test."""
    running = []

    def start(application, *addresses, grace=0.02, **options):
        listeners = listen(addresses or [Address("127.0.0.1", 0)])
        server = Server(listeners, application, grace=grace, **options)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        server.close()
        thread.join()


def place(server, at=0):
    """Host and port of a server's address."""
    parts = urlsplit(server.urls[at])
    return parts.hostname, parts.port


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A folder with certificates and keys, see pki.make; for reading only."""
    need("openssl")
    return pki.make(tmp_path_factory.mktemp("pki") / "authority")


TLS = "tls_server_config: {cert_file: server.pem, key_file: server.key}\n"
VERIFIED = TLS.replace("}", ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem}")


@pytest.fixture
def web_config(certificates, tmp_path):
    """Write a web configuration file into a folder with links to all certificates; its path."""
    for path in certificates.iterdir():
        (tmp_path / path.name).symlink_to(path)

    def write(text):
        (tmp_path / "web.yml").write_text(pki.filled(text, tmp_path))
        return str(tmp_path / "web.yml")

    return write


@pytest.fixture
def secure(start, app, web_config):
    """Start a server of the application with a web configuration; with it come its security."""

    def secure(text, application=app, **options):
        security = CurrentWebSecurity(web_config(text)) if text is not None else no_security
        return start(guarded(application, security), security=security, **options), security

    return secure
