"""How an exporter with these settings is connected to from this host: over TLS or not, and by which login."""

from __future__ import annotations

import base64
import socket
from typing import TYPE_CHECKING

from docker_storage_exporter.client.address import exporter_address, plain_connection
from docker_storage_exporter.errors import NoAnswerError, SettingError
from docker_storage_exporter.settings import Settings

if TYPE_CHECKING:
    from ssl import SSLContext


def open_connection(settings: Settings) -> socket.socket:
    """A connection to that address, with TLS where --web.config.file says so.

    Raises NoAnswerError where that file cannot be read or another server answers, SettingError for a bad file with a
    certificate to show, and OSError.

    The other side has to show exactly the certificate that the file names: its name and date do not matter then, and
    no authority is asked. A password is never sent to anybody else.
    """
    pinned = _pinned_certificate(settings.web_config_file) if settings.web_config_file else b""
    if not pinned:
        return plain_connection(settings)
    address = exporter_address(settings)
    connection = _context(settings.ask_certificate_file).wrap_socket(plain_connection(settings))
    if connection.getpeercert(binary_form=True) != pinned:
        connection.close()
        raise NoAnswerError(f"what listens at {address} shows another certificate than {settings.web_config_file}")
    return connection


def login(settings: Settings) -> dict[str, str]:
    """The header that logs in by --ask.login-file; none without that file. Raises SettingError."""
    path = settings.ask_login_file
    if path is None:
        return {}
    try:
        with open(path, "rb") as file:
            text = file.read().rstrip(b"\r\n")
    except OSError as error:
        raise SettingError(f"--ask.login-file: {path}: {error.strerror}") from error
    if b":" not in text or b"\n" in text:
        raise SettingError(f"--ask.login-file: {path}: has to hold one line, USER:PASSWORD")
    return {"Authorization": f"Basic {base64.b64encode(text).decode()}"}


def _pinned_certificate(path: str) -> bytes:
    """The certificate that the web configuration file names, as it is sent; empty where it speaks plain HTTP."""
    # Imported here, as below: most exporters speak plain HTTP, and this takes longer than their answer.
    import ssl  # noqa: PLC0415

    from docker_storage_exporter.httpd.config import read_web_config  # noqa: PLC0415
    from docker_storage_exporter.httpd.tls import certificate_pem  # noqa: PLC0415

    try:
        tls = read_web_config(path).tls
        pem = certificate_pem(tls).decode("ascii", "replace") if tls else ""
        _, begin, rest = pem.partition("-----BEGIN CERTIFICATE-----")
        body, end, _ = rest.partition("-----END CERTIFICATE-----")
        return ssl.PEM_cert_to_DER_cert(begin + body + end) if pem else b""
    except (SettingError, ValueError) as error:
        raise NoAnswerError(f"cannot tell which certificate the exporter has: {error}") from error


def _context(certificate_file: str | None) -> SSLContext:
    import ssl  # noqa: PLC0415

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # open_connection compares the certificate itself, which is stricter
    if certificate_file is not None:
        try:
            context.load_cert_chain(certificate_file, password=lambda: "")
        except OSError as error:
            reason = "holds no certificate with its key" if isinstance(error, ssl.SSLError) else error.strerror
            raise SettingError(f"--ask.certificate-file: {certificate_file}: {reason}") from error
    return context
