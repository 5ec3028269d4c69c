"""A real Prometheus scrapes over TLS with a password and a certificate, also while the certificates are renewed."""

import os
import shutil
import ssl

import pytest
from conftest import need
from monitoring import Prometheus

from cli.conftest import servers
from httpd import pki
from httpd.conftest import VERIFIED
from httpd.test_passwords import SECRET
from waiting import wait_until

pytestmark = pytest.mark.slow
FAMILY = "docker_storage_exporter_web_config_last_reload_successful"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with certificates and a web configuration."""
    need("openssl", "prometheus")
    folder = pki.make(tmp_path_factory.mktemp("scrape") / "web")
    (folder / "web.yml").write_text(VERIFIED + f"basic_auth_users: {{prometheus: {SECRET}}}\n")
    return folder


@pytest.fixture(scope="module")
def serving(demo, folder):
    """An exporter that wants both."""
    with servers(folder) as serve:
        yield serve(f"--path.data-root={demo.data_root}", f"--web.config.file={folder}/web.yml")


@pytest.fixture(scope="module")
def prometheus(serving, folder):
    """A Prometheus with four jobs, of which only one has all that it takes."""
    target = {"scheme": "https", "static_configs": [{"targets": [serving.url.removeprefix("https://")]}]}
    trust = {"ca_file": f"{folder}/ca.pem", "server_name": "localhost"}
    certificate = {"cert_file": f"{folder}/client.pem", "key_file": f"{folder}/client.key"}
    login = {"basic_auth": {"username": "prometheus", "password": "secret"}}
    wrong = {"basic_auth": {"username": "prometheus", "password": "wrong"}}
    jobs = {
        "welcome": {"tls_config": trust | certificate, **login},
        "wrong-password": {"tls_config": trust | certificate, **wrong},
        "no-certificate": {"tls_config": trust, **login},
        "no-trust": {"tls_config": certificate, **login},
    }
    found = Prometheus(
        folder / "prometheus",
        {
            "global": {"scrape_interval": "2s", "scrape_timeout": "2s"},
            "scrape_configs": [{"job_name": name, **target, **job} for name, job in jobs.items()],
        },
    )
    yield found
    found.stop()


def up(prometheus):
    """Whether each job gets its page; None as long as one was not tried yet."""
    found = {each["metric"]["job"]: each["value"][1] for each in prometheus.query("up")}
    return found if len(found) == 4 else None


def test_only_who_has_the_certificate_and_the_password_gets_the_page(prometheus):
    found = wait_until(lambda: up(prometheus), "the first scrapes")

    assert found == {"welcome": "1", "wrong-password": "0", "no-certificate": "0", "no-trust": "0"}
    errors = {each["scrapePool"]: each["lastError"] for each in prometheus.api("targets")["activeTargets"]}
    assert errors["welcome"] == ""
    assert errors["wrong-password"] == "server returned HTTP status 401 Unauthorized"
    assert "certificate required" in errors["no-certificate"]
    assert "unknown authority" in errors["no-trust"]


def test_certificates_are_renewed_while_it_scrapes_and_no_scrape_is_lost(prometheus, serving, folder):
    wait_until(lambda: up(prometheus), "the first scrapes")
    host, port = serving.url.removeprefix("https://").split(":")

    for kind in ("pem", "key"):  # between the two the files do not fit
        shutil.copy(folder / f"renewed.{kind}", folder / f"new.{kind}")
        os.replace(folder / f"new.{kind}", folder / f"server.{kind}")
        wait_until(
            lambda kind=kind: prometheus.query(f'{FAMILY}{{job="welcome"}} == {int(kind == "key")}'),
            f"a scrape that tells of server.{kind}",
        )

    assert ssl.get_server_certificate((host, int(port))) in (folder / "renewed.pem").read_text()
    assert [each["value"][1] for each in prometheus.query('min_over_time(up{job="welcome"}[10m])')] == ["1"]
    assert len([line for line in serving.lines if "web configuration" in line]) == 2
