"""Certificates of the tests' own, made by openssl: authorities, servers, clients, good ones and all kinds of bad."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

_CONFIGURATION = """
[ca]
default_ca = one
[one]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""
_PAST = ("-startdate", "20200101000000Z", "-enddate", "20210101000000Z")
_LOOPBACK = "DNS:localhost,IP:127.0.0.1,IP:::1"


def openssl(folder, *arguments):
    """Run openssl in a folder."""
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


class Authority:
    """An authority in a folder of its own, named ca.pem there, which signs what is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "index").touch()
        (folder / "openssl.cnf").write_text(_CONFIGURATION.format(folder=folder))
        key(folder / "ca.key")
        # Python 3.13 verifies strictly (RFC 5280): an authority says that it may sign, and who signed is said.
        made = ["req", "-x509", "-key", "ca.key", "-out", "ca.pem", "-days", "3650", "-subj", f"/CN={folder.name}"]
        openssl(folder, *made, "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def sign(self, name, names, own_key, dates=("-days", "3650")):
        """The certificate NAME.pem for a key, with these subject alternative names."""
        request = [
            "req", "-new", "-key", str(own_key), "-subj", f"/CN={name}",
            "-addext", f"subjectAltName={names}", "-out", f"{name}.csr",
        ]  # fmt: skip
        openssl(self.folder, *request)
        signing = ["ca", "-config", "openssl.cnf", "-batch", "-notext", "-cert", "ca.pem", "-keyfile", "ca.key"]
        openssl(self.folder, *signing, "-in", f"{name}.csr", "-out", f"{name}.pem", *dates)
        return self.folder / f"{name}.pem"


def key(path, *kind):
    """A private key at a path; on the curve P-256 if nothing else is said."""
    kind = kind or ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    openssl(path.parent, "genpkey", *kind, "-out", path)
    return path


def make(folder: Path) -> Path:
    """A folder with everything that the fixtures in fixtures/web-config name, and clients' certificates."""
    authority, stranger = Authority(folder), Authority(folder / "stranger")
    server, client = key(folder / "server.key"), key(folder / "client.key")
    authority.sign("server", _LOOPBACK, server)
    authority.sign("renewed", _LOOPBACK, key(folder / "renewed.key"))
    authority.sign("expired", _LOOPBACK, server, _PAST)
    for name, bits in (("rsa", 2048), ("small", 1024)):
        rsa = key(folder / f"{name}.key", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}")
        authority.sign(name, _LOOPBACK, rsa)
    authority.sign("client", "DNS:prometheus.example,URI:spiffe://example/prometheus", client)
    authority.sign("address", "IP:10.0.0.1,IP:fd00::1", client)
    authority.sign("past", "DNS:prometheus.example", client, _PAST)
    stranger.sign("stranger", "DNS:prometheus.example", client).rename(folder / "stranger.pem")
    key(folder / "other.key")
    openssl(folder, "pkey", "-in", "server.key", "-aes256", "-passout", "pass:secret", "-out", "encrypted.key")
    text = (folder / "server.pem").read_text()
    (folder / "chain.pem").write_text(text + (folder / "ca.pem").read_text())
    (folder / "damaged.pem").write_text(text[: len(text) // 2] + text[len(text) // 2 + 5 :])
    (folder / "garbage.pem").write_text("this is no certificate\n")
    (folder / "both.pem").write_text((folder / "client.pem").read_text() + client.read_text())
    (folder / "below").mkdir()
    (folder / "below" / "server.pem").write_text(text)
    return folder


def filled(text: str, folder: Path) -> str:
    """A fixture's text with {folder} and {NAME.pem} replaced by the path and the content, as YAML takes them."""
    text = text.replace("{folder}", str(folder))
    for name in ("server.pem", "server.key", "ca.pem"):
        text = text.replace(f"{{{name}}}", json.dumps((folder / name).read_text()))
    return text
