"""What stands before the application: passwords, headers, and the limit of requests, asked by real clients."""

import re
import socket
import subprocess
import threading
from contextlib import ExitStack, suppress

import bcrypt
import pytest
from conftest import need

from docker_storage_exporter.httpd.config import RateLimit
from docker_storage_exporter.httpd.guard import Bucket
from httpd.conftest import TLS, place
from httpd.test_passwords import SECRET, basic
from httpd.test_server import everything
from waiting import wait_until

USERS = f"basic_auth_users: {{prometheus: {SECRET}}}\n"


@pytest.fixture
def curl():
    """Ask a server by curl: the status, headers and body."""
    need("curl")

    def curl(server, *options, path="/-/healthy"):
        host, port = place(server)
        url = f"{server.urls[0].partition(':')[0]}://{host}:{port}{path}"
        said = subprocess.run(["curl", "-sSik", "-m", "30", *options, url], capture_output=True, check=True).stdout
        head, _, body = said.decode().partition("\r\n\r\n")
        status, *lines = head.split("\r\n")
        return int(status.split()[1]), dict(line.split(": ", 1) for line in lines), body

    return curl


@pytest.mark.parametrize(
    "path", ["/", "/metrics", "/api/v1/objects", "/-/healthy", "/-/ready", "/-/reload", "/nowhere"]
)
def test_nothing_is_told_to_who_has_no_password(secure, curl, path):
    server, _ = secure(USERS)

    for options in ((), ("-u", "prometheus:wrong"), ("-u", "mallory:secret"), ("-X", "POST"), ("-I",)):
        status, headers, body = curl(server, *options, path=path)
        assert status == 401
        assert headers["WWW-Authenticate"] == 'Basic realm="docker-storage-exporter", charset="UTF-8"'
        assert body == ("" if "-I" in options else "Unauthorized\n")


def test_a_refusal_of_head_has_no_body(secure):
    server, _ = secure(USERS)

    with socket.create_connection(place(server), timeout=20) as client:
        client.sendall(b"HEAD / HTTP/1.0\r\n\r\n")

        assert everything(client).endswith(b"\r\n\r\n")


def test_who_has_the_password_is_served_plain_and_over_tls(secure, curl):
    for text in (USERS, TLS + USERS):
        server, _ = secure(text)

        assert curl(server, "-u", "prometheus:secret")[::2] == (200, "healthy\n")
        assert curl(server, "-u", "prometheus:wrong")[0] == 401


def test_headers_are_on_every_answer(secure, curl):
    headers = "http_server_config: {headers: {X-Frame-Options: deny, Strict-Transport-Security: max-age=600}}\n"
    server, _ = secure(USERS + headers)

    for options, status in ((("-u", "prometheus:secret"), 200), ((), 401)):
        found = curl(server, *options)
        assert found[0] == status
        assert (found[1]["X-Frame-Options"], found[1]["Strict-Transport-Security"]) == ("deny", "max-age=600")


def test_without_a_file_no_such_header_is_sent(secure, curl):
    server, _ = secure(None)

    assert sorted(curl(server)[1]) == ["Content-Length", "Content-Type", "Date", "Server"]


def test_requests_beyond_the_limit_are_refused(secure, curl):
    server, _ = secure("rate_limit: {interval: 1h, burst: 3}\n")

    assert [curl(server)[0] for _ in range(5)] == [200, 200, 200, 429, 429]


def test_who_floods_it_with_guesses_gets_no_thread_for_each(secure, monkeypatch):
    server, _ = secure(USERS)
    go_on, before = threading.Event(), threading.active_count()
    monkeypatch.setattr(bcrypt, "checkpw", lambda *_: not go_on.wait(60))
    with ExitStack() as guessing:
        clients = [guessing.enter_context(socket.create_connection(place(server), timeout=20)) for _ in range(200)]
        for number, client in enumerate(clients):
            with suppress(OSError):
                client.sendall(f"GET / HTTP/1.0\r\nAuthorization: {basic('a', b'%d' % number)}\r\n\r\n".encode())
        answers = [everything(client)[:12] for client in clients[-100:]]

        assert set(answers) == {b"HTTP/1.0 429"}
        wait_until(lambda: threading.active_count() <= before + 9, "the threads of refused clients to end")
        go_on.set()


def test_a_bucket_fills_up_again_and_no_further():
    now = [0.0]
    bucket = Bucket(RateLimit(0.5, 2), lambda: now[0])
    assert [bucket.take() for _ in range(3)] == [True, True, False]

    now[0] = 0.5
    assert [bucket.take() for _ in range(2)] == [True, False]
    now[0] = 100
    assert [bucket.take() for _ in range(3)] == [True, True, False]


def test_a_page_behind_a_password_is_the_same_page(secure, curl, pages, snapshot):
    pages.render(snapshot)
    server, _ = secure(USERS)

    body = curl(server, "-u", "prometheus:secret", path="/metrics")[2]

    assert re.search(r'^docker_volume_info\{.*volume="a"', body, re.MULTILINE)
