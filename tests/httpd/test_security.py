"""The web configuration while it changes: what is new holds at once, and what is broken changes nothing."""

import logging
import os
import shutil
import socket
import ssl
import threading

import pytest

from docker_storage_exporter.errors import SettingError
from docker_storage_exporter.httpd.security import CurrentWebSecurity, WebSecurity
from httpd.conftest import TLS, VERIFIED, place
from httpd.test_passwords import SECRET

USERS = f"basic_auth_users: {{prometheus: {SECRET}}}\n"


@pytest.fixture
def current(web_config):
    """Current security of a file that can be rewritten."""

    def current(text):
        return CurrentWebSecurity(web_config(text))

    return current


def replace(path, source):
    """Put a copy of a file there, as `cp` and renaming does."""
    shutil.copy(source, f"{path}.new")
    os.replace(f"{path}.new", path)


def shown(server):
    """The certificate that a server shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(place(server), timeout=20) as raw, context.wrap_socket(raw) as client:
        return ssl.DER_cert_to_PEM_cert(client.getpeercert(binary_form=True))


def messages(caplog):
    """What was logged, without the path."""
    return [record.getMessage().replace(os.fspath(caplog.folder), "") for record in caplog.records]


@pytest.fixture(autouse=True)
def _logged(caplog, tmp_path):
    caplog.set_level(logging.INFO)
    caplog.folder = f"{tmp_path}/"


def test_as_long_as_nothing_changes_nothing_is_read(current, caplog):
    security = current(TLS)

    assert security() is security()
    assert caplog.records == []


def test_users_and_headers_of_a_new_file_hold_at_once(current, web_config, caplog):
    security = current(USERS)
    before = security.succeeded_at

    web_config(USERS.replace("prometheus", "alice") + "http_server_config: {headers: {X-Frame-Options: deny}}\n")

    found = security().config
    assert (list(found.users), found.headers) == (["alice"], (("X-Frame-Options", "deny"),))
    assert messages(caplog) == ["the web configuration was read again"]
    assert security.successful
    assert security.succeeded_at > before


def test_a_broken_file_keeps_the_old_terms_and_is_told_once(current, web_config, caplog):
    security = current(TLS)
    old, before = security(), security.succeeded_at

    web_config("tls_server_config: {cert_file: server.pem, key_file: nowhere.key}\n")

    assert [security() for _ in range(3)] == [old] * 3
    (told,) = messages(caplog)
    reason = "tls_server_config: key_file nowhere.key: No such file or directory"
    assert told == f"the web configuration stays as it was: web.yml: {reason}"
    assert (security.successful, security.succeeded_at) == (False, before)
    web_config(TLS + USERS)
    assert security() is not old
    assert security.successful


def test_a_file_that_appears_later_mends_it(current, web_config, tmp_path, certificates):
    security = current(TLS)
    web_config(TLS.replace("server.key", "later.key").replace("server.pem", "renewed.pem"))
    old = security()

    shutil.copy(certificates / "renewed.key", tmp_path / "later.key")

    assert security() is not old
    assert security.successful


def test_a_file_that_goes_away_keeps_the_old_terms(current, tmp_path, caplog):
    security = current(USERS)
    old = security()

    (tmp_path / "web.yml").unlink()

    assert security() is old
    assert messages(caplog) == [
        "the web configuration stays as it was: web.yml: No such file or directory; see --web.config.file"
    ]


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        (TLS + USERS, "", "tls_server_config, basic_auth_users"),
        (USERS, "{}\n", "basic_auth_users"),
        (TLS + USERS, USERS, "tls_server_config"),
        (VERIFIED, TLS, "client_auth_type, client_ca_file"),
        (VERIFIED.replace("}", ", client_allowed_sans: [a]}"), VERIFIED, "client_allowed_sans"),
        (VERIFIED, VERIFIED.replace(", client_ca_file: ca.pem", ""), "client_ca_file"),
    ],
    ids=["everything", "users", "tls", "client certificates", "their names", "who signs them"],
)
def test_what_keeps_others_out_never_goes_away_by_itself(current, web_config, caplog, before, after, lost):
    security = current(before)
    old = security()

    web_config(after)

    assert security() is old
    assert not security.successful
    assert messages(caplog) == [
        f"the web configuration stays as it was: web.yml: is without {lost}, which takes a restart"
    ]


def test_what_keeps_others_out_may_come_at_any_time(current, web_config):
    security = current("")
    assert security().context is None

    web_config(VERIFIED + USERS)

    assert security().context is not None
    assert security().config.protections == (
        "tls_server_config",
        "client_auth_type",
        "client_ca_file",
        "basic_auth_users",
    )


def test_a_renewed_certificate_is_shown_to_the_next_client(secure, tmp_path, certificates):
    server, security = secure(TLS)
    assert shown(server) in (certificates / "server.pem").read_text()

    replace(tmp_path / "server.pem", certificates / "renewed.pem")
    assert shown(server) in (certificates / "server.pem").read_text()  # the key is still the old one
    assert not security.successful
    replace(tmp_path / "server.key", certificates / "renewed.key")

    assert shown(server) in (certificates / "renewed.pem").read_text()
    assert security.successful


def test_a_secret_of_kubernetes_is_swapped_by_one_symbolic_link(secure, tmp_path, certificates, caplog):
    folder = tmp_path / "secret"
    for version in ("server", "renewed"):
        (folder / f"..{version}").mkdir(parents=True)
        for kind in ("pem", "key"):
            shutil.copy(certificates / f"{version}.{kind}", folder / f"..{version}" / f"tls.{kind}")
    (folder / "..data").symlink_to("..server")
    for kind in ("pem", "key"):
        (folder / f"tls.{kind}").symlink_to(f"..data/tls.{kind}")
    server, _ = secure("tls_server_config: {cert_file: secret/tls.pem, key_file: secret/tls.key}\n")
    assert shown(server) in (certificates / "server.pem").read_text()

    (folder / "..new").symlink_to("..renewed")
    os.replace(folder / "..new", folder / "..data")

    assert shown(server) in (certificates / "renewed.pem").read_text()
    assert messages(caplog) == ["the web configuration was read again"]


def test_many_clients_at_once_read_a_change_once(current, web_config, caplog):
    security = current(USERS)
    for number in range(10):
        web_config(USERS + f"rate_limit: {{interval: 1s, burst: {number + 1}}}\n")
        threads = [threading.Thread(target=security) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert security().config.rate_limit.burst == number + 1

    assert len(messages(caplog)) == 10


def test_a_broken_file_at_the_start_is_an_error(current):
    with pytest.raises(SettingError, match="unknown key 'tls'"):
        current("tls: x\n")


def test_terms_without_a_file_are_those_of_plain_http():
    assert (WebSecurity().context, WebSecurity().config.protections) == (None, ())
