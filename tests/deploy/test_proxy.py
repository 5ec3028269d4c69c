"""The proxy of deploy/proxy as the real program in front of a real engine: what it lets through, and what not."""

from __future__ import annotations

import os
import re
import socket
import subprocess

import pytest
from conftest import need
from deploy.deployed import DEPLOY
from engine.dockerd import Running, du

from docker_storage_exporter.inventory import client as engine_client
from docker_storage_exporter.inventory import events
from docker_storage_exporter.inventory.endpoints import ENDPOINTS, allowed
from docker_storage_exporter.settings import duration, from_texts
from waiting import wait_until

pytestmark = pytest.mark.engine

CONFIGURATION = DEPLOY / "proxy/haproxy.cfg"
ID = "0123456789abcdef" * 4


class Proxy:
    """HAProxy with our configuration."""

    def __init__(self, folder, engine):
        self.socket = folder / "proxy.sock"
        self.log = folder / "proxy.log"
        environment = {**os.environ, "PROXY_SOCKET": str(self.socket), "ENGINE_SOCKET": engine.removeprefix("unix://")}
        with self.log.open("wb") as log:
            command = ["haproxy", "-f", CONFIGURATION]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        wait_until(self.socket.exists, "haproxy to listen")

    def send(self, request):
        """What comes back for these bytes, up to the end of the answer's head."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(str(self.socket))
            connection.sendall(request)
            answer = b""
            while b"\r\n\r\n" not in answer:
                part = connection.recv(65536)
                if not part:
                    break
                answer += part
        return answer

    def ask(self, target, method="GET", *headers, body=""):
        """What comes back for one request."""
        lines = [f"{method} {target} HTTP/1.1", "Host: engine", *headers, "", body]
        return self.send("\r\n".join(lines).encode("latin-1"))


@pytest.fixture(scope="module")
def proxy(host, tmp_path_factory):
    """The proxy in front of the engine."""
    need("haproxy")
    running = Proxy(tmp_path_factory.mktemp("proxy"), host.host)
    yield running
    running.process.terminate()
    running.process.wait(20)


@pytest.fixture(scope="module")
def container(host):
    """A container to ask about: its id and its name."""
    host.docker("volume", "create", "asked")
    (host.volume_path("asked") / "file").write_bytes(b"a" * 70_000)
    return host.run("asked", "echo secret", "-v", "asked:/data"), "asked"


def passed(answer):
    """Whether the engine itself gave an answer; it says its version in each."""
    return re.search(rb"\r\n(api-version|server): ", answer, re.IGNORECASE) is not None


def refused(answer):
    """Whether the proxy refused, and nobody else had a say."""
    return re.match(rb"HTTP/1\.[01] (403|400|501) ", answer) is not None and not passed(answer)


def test_its_list_is_the_published_one():
    patterns = re.findall(r"^ +acl listed path -m reg (\S+)$", CONFIGURATION.read_text(), re.MULTILINE)

    published = {path.replace("<id>", "[0-9a-f]{64}") for path in ENDPOINTS}
    assert set(patterns) == {rf"^(/v1\.[0-9]+)?{path}$" for path in published}
    assert len(patterns) == len(ENDPOINTS)


def test_it_waits_longer_for_events_than_the_exporter_does():
    waits = re.findall(r"^ +timeout (?:client|server) (\S+)$", CONFIGURATION.read_text(), re.MULTILINE)

    assert len(waits) == 2
    assert min(map(duration, waits)) > engine_client._EVENT_SILENCE_SECONDS
    assert events  # the exporter asks again after that time, see its tests


@pytest.mark.parametrize("prefix", ["", "/v1.24", "/v1.41"])
@pytest.mark.parametrize("path", ENDPOINTS)
def test_what_the_exporter_asks_is_answered(proxy, container, path, prefix):
    query = {"/events": "?since=1&until=2", "/containers/json": "?limit=-1&all=1&size=0&trunc_cmd=0"}.get(path, "")
    answer = proxy.ask(prefix + path.replace("<id>", container[0]) + query)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert passed(answer)


def test_events_come_through_while_they_happen_and_sizes_are_right(proxy, host, container):
    quick = {"scan_interval": "500ms", "publish_interval": "200ms", "inventory_interval": "10m", "scan_duty": "1"}
    settings = {"docker_host": f"unix://{proxy.socket}", "web_listen_address": "127.0.0.1:0"}
    running = Running(from_texts(quick | settings))
    try:
        page = running.settled()
        assert page.value("docker_engine_up", engine="docker") == 1
        assert page.value("docker_volume_allocated_bytes", volume="asked") == du(host.volume_path("asked"))
        assert page.value("docker_container_state", container="asked", state="running") == 1

        host.docker("volume", "create", "told")  # only an event can tell before the ten minutes are over
        running.wait_for(lambda page: page.value("docker_volume_info", **TOLD) == 1, "an event")
    finally:
        running.exporter.stop()
    assert "403" not in proxy.log.read_text()


TOLD = dict.fromkeys(("compose_project", "compose_volume"), "") | {
    "volume": "told",
    "driver": "local",
    "scope": "local",
    "anonymous": "false",
}

LEAKS = (
    "/containers/{id}/archive?path=/etc/passwd",
    "/containers/{id}/export",
    "/containers/{id}/logs?stdout=1",
    "/containers/{id}/top",
    "/containers/{id}/changes",
    "/containers/{id}/attach/ws",
    "/containers/{id}/stats?stream=0",
    "/containers/{name}/json",
    "/containers/{short}/json",
    "/containers/{upper}/json",
    "/containers/{id}0/json",
    "/containers//json",
    "/containers/{id}/json/",
    "/containers/{id}/json/archive",
    "/images/json",
    "/images/busybox:test/get",
    "/images/get?names=busybox:test",
    "/exec/{id}/json",
    "/system/df",
    "/volumes/asked",
    "/networks",
    "/secrets",
    "/configs",
    "/swarm",
    "/nodes",
    "/services",
    "/tasks",
    "/plugins",
    "/session",
    "/grpc",
    "/_ping",
    "/debug/pprof/",
    "/",
    "*",
    "",
)
DISGUISES = (
    "/version/../containers/{id}/archive?path=/",
    "/v1.41/../containers/{id}/archive?path=/",
    "/v1.41/version/../../containers/{id}/export",
    "/./version",
    "/version/.",
    "//version",
    "/v1.41//info",
    "/v1.41/info//",
    "///containers/{id}/archive",
    "/%76ersion",
    "/v1%2e41/info",
    "/v1.41/%2e%2e/containers/{id}/archive",
    "/v1.41/%2e%2e%2fcontainers/{id}/archive",
    "/containers%2f{id}%2farchive",
    "/containers/{id}%2fjson",
    "/containers/{id}/json%00",
    "/containers/{id}/json%0a",
    "/containers/{id}/archive%3f/../json",
    "/containers/{id}/archive#/json",
    "/containers/{id}/archive;/json",
    "/containers/..%2f..%2fimages%2fjson",
    "\\version",
    "/v1.41\\info",
    "/info#",
    "/info;x",
    "/INFO",
    "/v2.0/info",
    "/v1./info",
    "/v1.41.1/info",
    "/xv1.41/info",
    "/v1.41info",
    "http://engine/containers/{id}/archive?path=/",
    "http://engine/info",
    "http://engine@elsewhere/info",
    "engine:80",
    "/containers/json?size=1",
    "/containers/json?all=1&size=true",
    "/containers/json?size=0&size=1",
    "/containers/json?all=1;size=1",
    "/containers/json?%73ize=1",
    "/containers/json?size=%31",
    "/containers/{id}/json?size=1",
    "/events?%66ilters=1",
)


@pytest.mark.parametrize("target", [*LEAKS, *DISGUISES])
def test_no_other_request_reaches_the_engine(proxy, container, target):
    identity, name = container
    target = target.format(id=identity, name=name, short=identity[:12], upper=identity.upper())
    for prefix in ("", "/v1.41") if target.startswith("/c") else ("",):
        answer = proxy.ask(prefix + target)

        assert refused(answer), answer


@pytest.mark.parametrize("target", LEAKS)
def test_the_exporter_would_not_send_them_either(target):
    path, _, query = target.format(id=ID, name="name", short=ID[:12], upper=ID.upper()).partition("?")

    assert not allowed("GET", path, query)


@pytest.mark.parametrize(
    "method", ["HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "GETS", "X"]
)
def test_no_other_method_reaches_the_engine(proxy, container, method):
    for target in (
        "/version",
        "/containers/json",
        f"/v1.41/containers/{container[0]}/json",
        f"/containers/{container[0]}",
    ):
        assert refused(proxy.ask(target, method))


@pytest.mark.parametrize(
    "headers",
    [
        ("X-HTTP-Method-Override: DELETE", "Content-Length: 0"),
        ("Content-Length: 5",),
        ("Transfer-Encoding: chunked",),
        ("Content-Length: 5", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: xchunked",),
        ("Content-Length: 0", "Content-Length: 5"),
        ("Connection: Upgrade", "Upgrade: tcp"),
        ("Connection: Upgrade", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"),
        ("Connection: Upgrade", "Upgrade: websocket"),
    ],
)
def test_nothing_can_be_hidden_in_headers(proxy, headers):
    smuggled = "0\r\n\r\nGET /images/json HTTP/1.1\r\nHost: engine\r\n\r\n"

    assert refused(proxy.ask("/version", "GET", *headers, body=smuggled))


@pytest.mark.parametrize("name", ["X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix", "Host"])
def test_no_header_leads_to_another_address(proxy, host, name):
    answer = proxy.ask("/version", "GET", f"{name}: /images/json", "Connection: close")

    assert b"busybox:test" not in answer
    assert passed(answer) != (name == "Host")  # two hosts are refused


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
        b"GET /images/json HTTP/0.9\r\n\r\n",
        b"GET /version\r\n\r\nGET /images/json HTTP/1.1\r\n\r\n",
        b"GET\t/images/json\tHTTP/1.1\r\nHost: engine\r\n\r\n",
        b"GET /version HTTP/1.1 /images/json HTTP/1.1\r\nHost: engine\r\n\r\n",
        b"GET /version\x00 HTTP/1.1\r\nHost: engine\r\n\r\n",
        b"GET /\xc0\xafversion HTTP/1.1\r\nHost: engine\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(600) + b"\r\n\r\n",
    ],
)
def test_what_is_no_plain_request_is_refused(proxy, request_bytes):
    assert refused(proxy.send(request_bytes))


def test_a_second_request_in_one_connection_is_looked_at_like_the_first(proxy):
    first = b"GET /version HTTP/1.1\r\nHost: engine\r\n\r\n"
    second = b"GET /images/json HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n\r\n"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(proxy.socket))
        connection.sendall(first + second)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))

    assert answer.lower().count(b"api-version: ") == 1
    assert b"HTTP/1.1 403 " in answer
