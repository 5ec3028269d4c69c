"""TLS with real clients: who gets in, who does not, and that nobody who is slow about it holds up the others."""

import logging
import re
import socket
import ssl
import subprocess
import sys
import time
from contextlib import ExitStack, suppress

import pytest
from conftest import need

from docker_storage_exporter.errors import SettingError
from docker_storage_exporter.httpd.tls import subject_names
from httpd.conftest import TLS, VERIFIED, place
from httpd.test_server import everything

CLIENT = ("--cert", "client.pem", "--key", "client.key")


@pytest.fixture
def curl(certificates):
    """Ask a server by curl, which trusts our authority: its exit code, and status or error."""
    need("curl")

    def curl(server, *options, path="/-/healthy", scheme="https"):
        host, port = place(server)
        command = ["curl", "-sS", "-m", "30", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", "ca.pem"]
        done = subprocess.run(
            [*command, *options, f"{scheme}://{host}:{port}{path}"], cwd=certificates, capture_output=True, text=True
        )
        return done.returncode, done.stdout if done.returncode == 0 else done.stderr

    return curl


def test_curl_that_trusts_the_authority_is_served_and_one_that_does_not_is_not(secure, curl):
    server, _ = secure(TLS)

    assert server.urls[0].startswith("https://127.0.0.1:")
    assert curl(server) == (0, "200")
    assert curl(server, "--cacert", "stranger/ca.pem")[0] == 60


def test_http_2_is_not_spoken_whoever_offers_it(secure, curl):
    server, _ = secure(TLS)

    assert curl(server, "--http2", "-w", " %{http_version}") == (0, " 1")


def test_an_expired_certificate_is_served_and_refused_by_clients_as_ever(secure, curl):
    server, _ = secure(TLS.replace("server.pem", "expired.pem"))

    code, said = curl(server)
    assert (code, "expired" in said) == (60, True)
    assert curl(server, "-k") == (0, "200")


@pytest.mark.parametrize(
    ("options", "answer"),
    [
        ((), None),
        (CLIENT, "200"),
        (("--cert", "stranger.pem", "--key", "client.key"), None),
        (("--cert", "past.pem", "--key", "client.key"), None),
        (("--tls-max", "1.2"), None),
        (("--tls-max", "1.2", *CLIENT), "200"),
    ],
)
def test_only_a_client_with_a_valid_certificate_of_the_authority_gets_in(secure, curl, options, answer):
    server, _ = secure(VERIFIED)

    code, said = curl(server, *options)

    assert (code == 0) == (answer is not None), said
    assert answer is None or said == answer


def test_a_certificate_is_verified_if_there_is_one_and_none_is_needed(secure, curl):
    server, _ = secure(VERIFIED.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven"))

    assert curl(server) == (0, "200")
    assert curl(server, *CLIENT) == (0, "200")
    assert curl(server, "--cert", "stranger.pem", "--key", "client.key")[0] != 0


def test_without_authorities_named_those_of_the_system_count(secure, curl):
    server, _ = secure(VERIFIED.replace(", client_ca_file: ca.pem", ""))

    assert curl(server, *CLIENT)[0] != 0


def test_a_client_s_own_certificate_may_be_the_authority(secure, curl):
    server, _ = secure(VERIFIED.replace("client_ca_file: ca.pem", "client_ca_file: client.pem"))

    assert curl(server, *CLIENT) == (0, "200")
    assert curl(server, "--cert", "address.pem", "--key", "client.key")[0] != 0


@pytest.mark.parametrize(
    ("names", "certificate", "is_let_in"),
    [
        ("prometheus.example", "client", True),
        ("'spiffe://example/prometheus'", "client", True),
        ("10.0.0.1", "address", True),
        ("'fd00::1'", "address", True),
        ("grafana.example, 10.0.0.2", "client", False),
        ("PROMETHEUS.example", "client", False),
        ("client", "client", False),
    ],
)
def test_only_the_names_that_are_allowed_get_in(secure, curl, names, certificate, is_let_in):
    server, _ = secure(VERIFIED.replace("}", f", client_allowed_sans: [{names}]}}"))

    code, _ = curl(server, "--cert", f"{certificate}.pem", "--key", "client.key")

    assert (code == 0) == is_let_in


def test_addresses_in_a_certificate_are_spelled_as_everywhere_else():
    certificate = {"subjectAltName": (("IP Address", "FD00:0:0:0:0:0:0:1\n"), ("DNS", "a"), ("DirName", "x"))}

    assert subject_names(certificate) == {"fd00::1", "a"}
    assert subject_names({}) == frozenset()
    assert subject_names({"subjectAltName": (("IP Address", "<invalid>"), ("DNS", "a"))}) == {"a"}


@pytest.mark.parametrize(
    ("settings", "options", "works"),
    [
        ("min_version: TLS13", ("--tls-max", "1.2"), False),
        ("min_version: TLS13", (), True),
        ("max_version: TLS12", ("--tlsv1.3",), False),
        ("max_version: TLS12", (), True),
        ("cipher_suites: [TLS_AES_128_GCM_SHA256]", ("--tls-max", "1.2"), False),
        ("cipher_suites: [TLS_AES_128_GCM_SHA256]", (), True),
        (
            "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]",
            ("--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256"),
            False,
        ),
        (
            "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]",
            ("--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384"),
            True,
        ),
        ("curve_preferences: [CurveP384]", ("--curves", "X25519"), False),
        ("curve_preferences: [CurveP384]", ("--curves", "P-384"), True),
    ],
)
def test_versions_ciphers_and_curves_are_those_of_the_file(secure, curl, settings, options, works):
    server, _ = secure(TLS.replace("}", f", {settings}}}"))

    assert (curl(server, *options)[0] == 0) == works


def test_the_curve_that_is_no_nists_needs_python_3_11(secure, curl):
    settings = TLS.replace("}", ", curve_preferences: [X25519]}")
    if sys.version_info >= (3, 11):
        server, _ = secure(settings)
        assert curl(server, "--curves", "X25519")[0] == 0
    else:
        with pytest.raises(SettingError, match="the OpenSSL of this Python cannot be held to X25519"):
            secure(settings)


def test_the_chain_is_sent_along(secure, certificates):
    server, _ = secure(TLS.replace("server.pem", "chain.pem"))
    host, port = place(server)
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"{host}:{port}", "-showcerts"], input="", capture_output=True, text=True
    )

    assert done.stdout.count("-----BEGIN CERTIFICATE-----") == 2


def test_who_speaks_the_wrong_protocol_is_told_which_is_right(secure, curl):
    encrypted, _ = secure(TLS)
    plain, _ = secure(None)

    with socket.create_connection(place(encrypted), timeout=20) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert everything(client).endswith(b"\r\n\r\nthis port speaks https: ask https://\n")
    assert curl(encrypted, scheme="http") == (0, "400")
    assert curl(plain)[0] == 35
    assert curl(plain, scheme="http") == (0, "200")


@pytest.mark.parametrize("said", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00"])
def test_a_client_that_begins_a_handshake_and_no_more_holds_up_nobody_and_is_dropped(secure, curl, said):
    server, _ = secure(TLS, timeout=1)
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(place(server), timeout=20)) for _ in range(20)]
        for client in clients:
            client.sendall(said)

        assert curl(server) == (0, "200")
        assert [everything(client) for client in clients] == [b""] * 20


def test_a_handshake_byte_by_byte_has_so_long_for_all_of_it(secure, curl):
    server, _ = secure(TLS, timeout=1)
    with socket.create_connection(place(server), timeout=20) as client:
        began = time.monotonic()
        client.sendall(b"\x16\x03\x01\x02\x00")
        with suppress(OSError):
            while time.monotonic() < began + 20:
                client.sendall(b"\x01")
                time.sleep(0.1)

        assert time.monotonic() < began + 10
    assert curl(server) == (0, "200")


def test_five_hundred_that_are_silent_hold_up_nobody(secure, curl):
    server, _ = secure(TLS, grace=0.2)
    with ExitStack() as stack:
        for number in range(500):
            client = stack.enter_context(socket.create_connection(place(server), timeout=20))
            client.sendall(b"\x16\x03" if number % 2 else b"")

        assert curl(server) == (0, "200")


def test_a_client_that_does_not_read_is_dropped_without_a_word(secure, certificates, caplog):
    def large(environ, start_response):
        start_response("200 OK", [("Content-Length", str(2**26))])
        return [bytes(2**26)]

    server, _ = secure(TLS, application=large, timeout=0.5)
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    with (
        socket.create_connection(place(server), timeout=20) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as client,
        caplog.at_level(logging.INFO),
    ):
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        time.sleep(1)

        with suppress(OSError):
            assert len(everything(client)) < 2**26
    assert caplog.text == ""


def test_a_megabyte_of_headers_is_refused_over_tls_too(secure, certificates):
    server, _ = secure(TLS)
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    with (
        socket.create_connection(place(server), timeout=20) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as client,
    ):
        client.sendall(b"GET / HTTP/1.0\r\nX: ")
        with suppress(OSError):
            client.sendall(b"x" * 2**20)

        assert re.match(rb"HTTP/1.0 431 ", client.recv(100))


def test_the_answer_ends_as_tls_wants_it(secure, certificates):
    server, _ = secure(TLS)
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    with (
        socket.create_connection(place(server), timeout=20) as raw,
        context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False) as client,
    ):
        client.sendall(b"GET /-/healthy HTTP/1.0\r\n\r\n")

        assert everything(client).endswith(b"\r\n\r\nhealthy\n")
