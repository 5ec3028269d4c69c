"""A probe on the same host: alive is whatever answers as the exporter does, also when it lets nobody in."""

import pytest

from docker_storage_exporter.cli.commands.health import alive
from docker_storage_exporter.errors import NoAnswerError
from docker_storage_exporter.settings import from_texts
from httpd.conftest import TLS, VERIFIED
from httpd.test_passwords import SECRET

USERS = f"basic_auth_users: {{prometheus: {SECRET}}}\n"


def settings(server):
    """Settings of a probe, which knows of the address and of nothing else."""
    return from_texts({"web_listen_address": server.urls[0].partition("://")[2]})


@pytest.mark.parametrize(
    "text",
    [None, TLS, VERIFIED + USERS, USERS, "rate_limit: {interval: 1h, burst: 1}\n"],
    ids=["plain", "tls", "client certificates and users", "users", "limit"],
)
def test_a_probe_needs_neither_certificate_nor_password(secure, text):
    server, _ = secure(text)

    assert [alive(settings(server)), alive(settings(server))] == [None, None]


def test_a_defect_is_no_life(secure):
    def broken(environ, start_response):
        raise RuntimeError

    server, _ = secure(None, application=broken)

    with pytest.raises(NoAnswerError, match=r"^the exporter at \S+ answers 500 to /-/healthy$"):
        alive(settings(server))
