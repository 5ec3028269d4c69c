"""An engine over TCP with TLS and client certificates, and the certificates that it wants."""

import os
import socket
import subprocess

import pytest
from conftest import need
from engine.dockerd import Dockerd

from docker_storage_exporter.cli.options import parser, settings_from
from docker_storage_exporter.errors import EngineError
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.inventory.client import EngineClient
from docker_storage_exporter.inventory.current import CurrentInventory

pytestmark = pytest.mark.engine


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """ca.pem, cert.pem and key.pem of a client, and server-*.pem of a server on 127.0.0.1."""
    need("openssl")
    folder = tmp_path_factory.mktemp("certificates")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test authority",
            "-keyout", folder / "ca-key.pem", "-out", folder / "ca.pem")  # fmt: skip
    for name, usage in (("server-", "serverAuth"), ("", "clientAuth")):
        extensions = folder / f"{name}extensions"
        extensions.write_text(f"subjectAltName=IP:127.0.0.1\nextendedKeyUsage={usage}\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={usage}",
                "-keyout", folder / f"{name}key.pem", "-out", folder / f"{name}request.pem")  # fmt: skip
        openssl("x509", "-req", "-days", "2", "-in", folder / f"{name}request.pem", "-CA", folder / "ca.pem",
                "-CAkey", folder / "ca-key.pem", "-CAcreateserial", "-extfile", extensions,
                "-out", folder / f"{name}cert.pem")  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def address(certificates, tmp_path_factory):
    """The address of an engine that wants TLS."""
    need("dockerd", "docker", root=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    engine = Dockerd(tmp_path_factory.mktemp("tls-engine"))
    try:
        files = {"tlscacert": "ca.pem", "tlscert": "server-cert.pem", "tlskey": "server-key.pem"}
        options = [f"--{option}={certificates / name}" for option, name in files.items()]
        engine.start("-H", f"tcp://127.0.0.1:{port}", "--tlsverify", *options)
        engine.docker("volume", "create", "over-tls")
        yield f"tcp://127.0.0.1:{port}"
    finally:
        engine.clean_up()


def volumes(environment):
    settings = settings_from(parser("df", "").parse_args(["--path.data-root=/nonexistent"], environment))
    inventory = CurrentInventory(settings, Host(), EngineClient(settings))
    try:
        return [volume.name for volume in inventory.renew().volumes]
    finally:
        inventory.close()


def test_the_docker_clients_own_variables_are_enough(address, certificates):
    environment = {"DOCKER_HOST": address, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(certificates)}

    assert volumes(environment) == ["over-tls"]


def test_a_server_of_another_authority_is_refused_in_one_line(address, certificates, tmp_path):
    for name in ("cert.pem", "key.pem"):
        os.link(certificates / name, tmp_path / name)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=another authority",
            "-keyout", tmp_path / "ca-key.pem", "-out", tmp_path / "ca.pem")  # fmt: skip

    with pytest.raises(EngineError, match=r"^engine at .*: TLS failed: .*certificate.*; check --docker.cert-path$"):
        volumes({"DOCKER_HOST": address, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path)})


def test_speaking_plain_http_to_it_is_one_line_too(address):
    with pytest.raises(EngineError, match=r"^engine at tcp://127\.0\.0\.1:\d+ (refused GET|gave no usable answer)"):
        volumes({"DOCKER_HOST": address})
