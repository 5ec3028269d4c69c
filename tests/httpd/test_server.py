"""Server: whatever some clients do, the others are served, and nothing of it stays behind."""

import gzip
import http.client
import logging
import os
import socket
import subprocess
import threading
import time
from contextlib import ExitStack, closing, suppress
from itertools import repeat

import pytest
from conftest import need

from docker_storage_exporter.httpd.address import Address
from docker_storage_exporter.httpd.listening import listen
from docker_storage_exporter.httpd.server import Server
from httpd.conftest import place
from waiting import wait_until


def connect(server, said=b""):
    """A connection on which so much has been said."""
    client = socket.create_connection(place(server), timeout=20)
    client.sendall(said)
    return client


def healthy(server):
    """Ask for health like anybody else; the status."""
    with closing(http.client.HTTPConnection(*place(server), timeout=20)) as client:
        client.request("GET", "/-/healthy")
        answer = client.getresponse()
        assert answer.read() == b"healthy\n"
        return answer.status


def busy():
    """An application at work until the second event is set; the first one is set when it was asked."""
    asked, answer = threading.Event(), threading.Event()

    def application(environ, start_response):
        asked.set()
        assert answer.wait(20)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    return application, asked, answer


def everything(client):
    """All that comes until the other side closes."""
    found = b""
    try:
        while part := client.recv(65536):
            found += part
    except ConnectionResetError:
        pass
    return found


def descriptors():
    """How many files and sockets this process has open."""
    return len(os.listdir("/proc/self/fd"))


def settle(measure, limit):
    """Wait until a number has come down to this."""
    ends = time.monotonic() + 20
    while measure() > limit and time.monotonic() < ends:
        time.sleep(0.01)
    return measure()


@pytest.fixture
def no_leak():
    """Threads and descriptors are as many after the test as before."""
    threads, files = threading.active_count(), descriptors()
    yield
    assert settle(threading.active_count, threads) <= threads
    assert settle(descriptors, files) <= files


@pytest.mark.usefixtures("no_leak")
class TestManners:
    def test_a_request_is_answered_and_the_connection_closed(self, start, app):
        with connect(start(app), b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n") as client:
            head, _, body = everything(client).partition(b"\r\n\r\n")

        assert head.startswith(b"HTTP/1.0 200 OK\r\n")
        assert b"\r\nServer: docker-storage-exporter\r\n" in head
        assert body == b"healthy\n"

    def test_a_silent_client_holds_up_nobody(self, start, app):
        server = start(app)

        with connect(server), connect(server):
            assert healthy(server) == 200

    def test_a_silent_client_is_dropped_in_the_end(self, start, app):
        with connect(start(app, timeout=0.1)) as client:
            assert everything(client) == b""

    def test_a_client_that_says_one_byte_a_second_holds_up_nobody(self, start, app):
        server = start(app)
        with connect(server, b"G") as slow:
            for byte in (b"E", b"T"):
                assert healthy(server) == 200
                slow.sendall(byte)
            slow.sendall(b" /-/healthy HTTP/1.0\r\n\r\n")

            assert everything(slow).endswith(b"\r\n\r\nhealthy\n")

    def test_a_client_that_says_one_byte_now_and_then_has_so_long_for_all_of_it(self, start, app):
        server = start(app, timeout=0.5)
        with connect(server, b"GET / HTTP/1.0\r\n") as slow:
            began = time.monotonic()
            with suppress(OSError):
                while time.monotonic() < began + 20:
                    slow.sendall(b"X")
                    time.sleep(0.1)

            assert time.monotonic() < began + 10
            assert everything(slow) == b""

    def test_five_hundred_open_connections_hold_up_nobody(self, start, app):
        server = start(app, grace=0.2)
        threads = threading.active_count()
        with ExitStack() as clients:
            for number in range(500):
                clients.enter_context(connect(server, b"GET /" if number % 2 else b""))

            assert healthy(server) == 200
            assert settle(threading.active_count, threads + 64) <= threads + 64

    def test_five_hundred_requests_at_once_are_all_answered(self, start, app):
        server = start(app, grace=5)
        with ExitStack() as opened:
            clients = [opened.enter_context(connect(server)) for _ in range(500)]
            for client in clients:
                _send(client, b"GET /-/ready HTTP/1.0\r\n\r\n")

            assert all(everything(client).startswith(b"HTTP/1.0 503 ") for client in clients)

    def test_three_hundred_open_connections_leave_room_for_a_request(self, start, app):
        server = start(app, limit=8)
        threads = threading.active_count()
        with ExitStack() as clients:
            silent = [clients.enter_context(connect(server)) for _ in range(300)]

            assert healthy(server) == 200
            assert settle(threading.active_count, threads + 8) <= threads + 8
            assert [everything(client) for client in silent[:200]] == [b""] * 200

    def test_three_hundred_requests_at_once_are_all_answered(self, start, app):
        server = start(app, limit=400)
        with ExitStack() as opened:
            clients = [opened.enter_context(connect(server)) for _ in range(300)]
            for client in clients:
                client.sendall(b"GET /-/ready HTTP/1.0\r\n\r\n")

            assert all(everything(client).startswith(b"HTTP/1.0 503 ") for client in clients)

    def test_who_asked_is_not_closed_for_the_sake_of_the_silent(self, start):
        application, asked, answer = busy()
        server = start(application, limit=4)
        with connect(server, b"GET / HTTP/1.0\r\n\r\n") as client, ExitStack() as others:
            assert asked.wait(20)
            silent = [others.enter_context(connect(server)) for _ in range(20)]
            assert [everything(other) for other in silent[:17]] == [b""] * 17
            answer.set()

            assert everything(client).endswith(b"\r\n\r\nok")

    def test_a_client_that_does_not_read_holds_up_nobody_and_is_dropped_without_a_word(self, start, app, capfd, caplog):
        def large(environ, start_response):
            if environ["PATH_INFO"] != "/large":
                return app(environ, start_response)
            start_response("200 OK", [("Content-Length", str(2**26))])
            return [bytes(2**26)]

        server = start(large, timeout=0.3)
        with connect(server, b"GET /large HTTP/1.0\r\n\r\n") as client, caplog.at_level(logging.INFO):
            assert healthy(server) == 200
            time.sleep(0.6)

            assert len(everything(client)) < 2**26
        assert capfd.readouterr() == ("", "")
        assert caplog.text == ""

    def test_a_client_that_takes_an_answer_bit_by_bit_has_so_long_for_all_of_it(self, start):
        def endless(environ, start_response):
            start_response("200 OK", [("Content-Length", str(2**40))])
            return repeat(bytes(2**14))

        with connect(start(endless, timeout=0.5), b"GET / HTTP/1.0\r\n\r\n") as client:
            ends = time.monotonic() + 20
            with suppress(ConnectionResetError):
                while client.recv(2**14):
                    assert time.monotonic() < ends
                    time.sleep(0.001)

    def test_a_client_that_goes_away_in_the_middle_is_no_news(self, start, app, capfd, caplog):
        server = start(app)
        with caplog.at_level(logging.INFO):
            for said in (b"", b"GET /metr", b"GET /metrics HTTP/1.0\r\n\r\n"):
                client = connect(server, said)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                client.close()

            assert healthy(server) == 200
        assert capfd.readouterr() == ("", "")
        assert caplog.text == ""

    def test_a_megabyte_of_headers_is_refused_while_others_are_served(self, start, app):
        server = start(app)
        many = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 1000) for number in range(1024))
        for said in (many, b"X: " + b"x" * 2**20 + b"\r\n"):
            with connect(server) as client:
                _send(client, b"GET /-/healthy HTTP/1.0\r\n" + said + b"\r\n")
                assert healthy(server) == 200
                assert everything(client).startswith(b"HTTP/1.0 431 ")

    def test_more_than_a_hundred_headers_are_refused(self, start, app):
        many = b"".join(b"X-%d: x\r\n" % number for number in range(200))
        with connect(start(app), b"GET /-/healthy HTTP/1.0\r\n" + many + b"\r\n") as client:
            assert everything(client).startswith(b"HTTP/1.0 431 ")

    def test_a_request_line_without_end_is_refused(self, start, app):
        server = start(app)
        with connect(server) as client:
            _send(client, b"GET /" + b"a" * 2**17)

            assert everything(client).startswith(b"HTTP/1.0 414 ")
        assert healthy(server) == 200

    def test_http_0_9_gets_the_body_alone(self, start, app):
        with connect(start(app), b"GET /-/healthy\r\n\r\n") as client:
            assert everything(client) == b"healthy\n"

    @pytest.mark.parametrize(
        "said",
        [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) + b"\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"GET\r\n\r\n",
            b"GET / HTTP/9.9.9\r\n\r\n",
            b"GET / HTTP/1.1 and more\r\n\r\n",
            b"\x00\x00\x00\x00\r\n\r\n",
            b"POST / \r\n\r\n",
            b"GET / HTTP/1.0\r\nno colon\r\n\r\n",
            b"GET /\xff\xfe?\xff HTTP/1.0\r\nAccept: \xff\r\nAccept-Encoding: \xff\r\n\r\n",
            b"\r\n\r\n",
        ],
    )
    def test_garbage_gets_an_error_or_nothing_and_no_line_in_the_log(self, start, app, said, capfd, caplog):
        server = start(app)
        with connect(server, said) as client, caplog.at_level(logging.INFO):
            client.shutdown(socket.SHUT_WR)

            assert b"Traceback" not in everything(client)
            assert healthy(server) == 200
        assert capfd.readouterr() == ("", "")
        assert caplog.text == ""

    def test_what_type_a_body_claims_to_be_is_not_taken_apart(self, start, app, monkeypatch):
        monkeypatch.delattr("email.message._parseparam")  # needs the square of 64 KiB of semicolons
        said = b'GET /-/healthy HTTP/1.0\r\nContent-Type: multipart/x; a="' + b";" * 60_000 + b"\r\n\r\n"
        with connect(start(app), said) as client:
            assert everything(client).endswith(b"\r\n\r\nhealthy\n")

    def test_who_has_asked_is_answered_before_the_end(self, start, caplog):
        application, asked, answer = busy()
        server = start(application)
        with connect(server, b"GET / HTTP/1.0\r\n\r\n") as client, connect(server) as silent:
            assert asked.wait(20)
            wait_until(lambda: server._connections._silent, "the silent client is let in")
            threading.Timer(0.1, answer.set).start()
            server.shutdown()

            assert server._connections._asking == {}
            assert everything(client).endswith(b"\r\n\r\nok")
            assert everything(silent) == b""

    def test_a_body_that_nobody_asked_for_does_not_cost_the_answer(self, start, app):
        with connect(start(app), b"POST /metrics HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello") as client:
            assert everything(client).startswith(b"HTTP/1.0 405 ")

    def test_a_defect_of_the_application_is_an_answer_500_and_a_line_in_our_log(self, start, capfd, caplog):
        def broken(environ, start_response):
            raise RuntimeError("broken")

        with connect(start(broken), b"GET / HTTP/1.0\r\n\r\n") as client:
            answer = everything(client)

        assert answer.startswith(b"HTTP/1.0 500 ")
        assert b"broken" not in answer
        assert "RuntimeError: broken" in caplog.text
        assert capfd.readouterr() == ("", "")

    def test_curl_reads_the_same_page_plain_and_compressed(self, start, app, pages, snapshot):
        need("curl")
        pages.render(snapshot)
        url = f"{start(app).urls[0]}/metrics"

        plain, packed, raw = (
            subprocess.run(["curl", "-sSf", *options, url], capture_output=True, check=True).stdout
            for options in ((), ("--compressed",), ("-H", "Accept-Encoding: gzip"))
        )

        assert plain == packed == gzip.decompress(raw)
        assert b"docker_volume_info" in plain


def _send(client, said):
    """Send as much as the other side takes."""
    with suppress(OSError):
        client.sendall(said)


def test_a_port_just_given_up_can_be_taken_at_once(app):
    listeners = listen([Address("127.0.0.1", 0)])
    port = listeners[0].getsockname()[1]
    server = Server(listeners, app)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    healthy(server)
    server.shutdown()
    server.close()
    thread.join()

    (again,) = listen([Address("127.0.0.1", port)])
    assert again.getsockname()[1] == port
    again.close()
