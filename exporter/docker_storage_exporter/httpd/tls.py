"""TLS as the web configuration file describes it, in the words of Go, brought to Python's `ssl`.

What `ssl` cannot do the way the file says is refused, so that the file never promises a protection that is missing.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from docker_storage_exporter.errors import SettingError

_LARGEST_PEM = 1024**2
_VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_OLD_VERSIONS = ("TLS10", "TLS11")
_CURVES = {"CurveP256": "prime256v1", "CurveP384": "secp384r1", "CurveP521": "secp521r1", "X25519": "X25519"}
_AUTHENTICATIONS = {
    "": ssl.CERT_NONE,
    "NoClientCert": ssl.CERT_NONE,
    # Go asks for a certificate and then lets in whoever has one, whoever has none and whoever made one up.
    "RequestClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
_UNVERIFIED = ("RequireAnyClientCert", "RequireClientCert")
# Those of TLS 1.3 are always on, in Go as in OpenSSL.
_ALWAYS_ON = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
# Go's names and OpenSSL's, from crypto/tls/cipher_suites.go and openssl-ciphers(1).
_CIPHERS = {
    "TLS_RSA_WITH_AES_128_CBC_SHA": "AES128-SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA": "AES256-SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA": "ECDHE-ECDSA-AES128-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA": "ECDHE-ECDSA-AES256-SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA": "ECDHE-RSA-AES128-SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA": "ECDHE-RSA-AES256-SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": "ECDHE-ECDSA-AES128-GCM-SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": "ECDHE-ECDSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": "ECDHE-RSA-AES128-GCM-SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384": "ECDHE-RSA-AES256-GCM-SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
}


@dataclass(frozen=True, slots=True)
class TLSServer:
    """`tls_server_config` of the file: PEM texts, paths of PEM files, and Go's names for the rest."""

    cert: str = ""
    key: str = ""
    client_ca: str = ""
    cert_file: str = ""
    key_file: str = ""
    client_ca_file: str = ""
    client_auth_type: str = ""
    client_allowed_sans: tuple[str, ...] | None = None
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    cipher_suites: tuple[str, ...] = ()
    curve_preferences: tuple[str, ...] = ()
    prefer_server_cipher_suites: bool = True

    @property
    def files(self) -> tuple[str, ...]:
        """The files that it names."""
        return tuple(path for path in (self.cert_file, self.key_file, self.client_ca_file) if path)

    @property
    def protections(self) -> tuple[str, ...]:
        """What keeps others out, by the keys that say so."""
        names = ["tls_server_config"]
        if self.verify_mode is ssl.CERT_REQUIRED:
            names.append("client_auth_type")
            # Without it the system's authorities count, who certify anybody.
            if self.client_ca or self.client_ca_file:
                names.append("client_ca_file")
        if self.client_allowed_sans:
            names.append("client_allowed_sans")
        return tuple(names)

    @property
    def verify_mode(self) -> ssl.VerifyMode:
        """What is asked of a client."""
        return _AUTHENTICATIONS[self.client_auth_type]

    def mistakes(self) -> Iterator[str]:
        """What is wrong with it as it stands, before any file is looked at."""
        if not (self.cert or self.cert_file):
            yield "cert_file is missing"
        if not (self.key or self.key_file):
            yield "key_file is missing"
        yield from self._mistaken_clients()
        yield from self._mistaken_versions()
        for name in self.cipher_suites:
            if name not in _CIPHERS and name not in _ALWAYS_ON:
                yield f"cipher_suites: unknown cipher {name!r}"
        for name in self.curve_preferences:
            if name not in _CURVES:
                yield f"curve_preferences: unknown curve {name!r}: one of {', '.join(_CURVES)}"
        if len(self.curve_preferences) > 1:
            yield "curve_preferences: Python's TLS can be held to one curve, or to none; name one or remove the key"

    def _mistaken_clients(self) -> Iterator[str]:
        kind = self.client_auth_type
        if kind in _UNVERIFIED:
            yield f"client_auth_type: {kind} lets in whoever makes a certificate up; use RequireAndVerifyClientCert"
        elif kind not in _AUTHENTICATIONS:
            known = ", ".join(name for name in _AUTHENTICATIONS if name)
            yield f"client_auth_type: {kind!r} is unknown: one of {known}"
        if (self.client_ca or self.client_ca_file) and kind in ("", "NoClientCert"):
            yield "client_ca_file has no effect without client_auth_type; set it to RequireAndVerifyClientCert"
        if self.client_allowed_sans is not None and kind != "RequireAndVerifyClientCert":
            yield "client_allowed_sans needs client_auth_type: RequireAndVerifyClientCert"
        if self.client_allowed_sans == ():
            yield "client_allowed_sans is empty: nobody could connect"

    def _mistaken_versions(self) -> Iterator[str]:
        for key, name in (("min_version", self.min_version), ("max_version", self.max_version)):
            if name in _OLD_VERSIONS:
                yield f"{key}: {name} is no longer safe and not spoken here: TLS12 or TLS13"
            elif name not in _VERSIONS:
                yield f"{key}: {name!r} is unknown: TLS12 or TLS13"
        if (self.min_version, self.max_version) == ("TLS13", "TLS12"):
            yield "min_version is above max_version: nobody could connect"
        if self.cipher_suites and self.max_version == "TLS12" and not self.ciphers:
            yield "cipher_suites has none for TLS12, which is max_version: nobody could connect"

    @property
    def ciphers(self) -> tuple[str, ...]:
        """OpenSSL's names of the suites up to TLS 1.2."""
        return tuple(_CIPHERS[name] for name in self.cipher_suites if name in _CIPHERS)


def server_context(tls: TLSServer) -> ssl.SSLContext:
    """What connections are secured with. Raises SettingError, which says what is wrong with which file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version, context.maximum_version = _VERSIONS[tls.min_version], _VERSIONS[tls.max_version]
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
    context.num_tickets = 0  # Prometheus resumes no sessions; and each handshake looks at the client's certificate
    context.set_alpn_protocols(["http/1.1"])
    if not tls.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if tls.ciphers:
        _set_ciphers(context, tls.ciphers)
    elif tls.cipher_suites:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    for name in tls.curve_preferences:
        _set_curve(context, name)
    _load_certificate(context, tls)
    context.verify_mode = tls.verify_mode
    if tls.verify_mode is not ssl.CERT_NONE:
        _load_authorities(context, tls)
    return context


def certificate_pem(tls: TLSServer) -> bytes:
    """The server's certificate, with what follows it. Raises SettingError."""
    return _pem(tls.cert, tls.cert_file, "cert_file", b"-----BEGIN CERTIFICATE-----", "certificate")


def subject_names(certificate: Mapping[str, Any]) -> frozenset[str]:
    """The subject alternative names in a certificate as `getpeercert` gives it; addresses in their usual spelling."""
    names = set()
    for kind, value in certificate.get("subjectAltName", ()):
        if kind in ("DNS", "email", "URI"):
            names.add(value)
        elif kind == "IP Address":
            with suppress(ValueError):  # "<invalid>", where it is not as long as one
                names.add(str(ipaddress.ip_address(value.strip())))
    return frozenset(names)


def _set_ciphers(context: ssl.SSLContext, names: tuple[str, ...]) -> None:
    try:
        context.set_ciphers(":".join(names))
    except ssl.SSLError as error:
        raise SettingError("cipher_suites: the OpenSSL of this Python has none of them") from error


def _set_curve(context: ssl.SSLContext, name: str) -> None:
    try:
        context.set_ecdh_curve(_CURVES[name])
    except (ValueError, ssl.SSLError) as error:
        raise SettingError(f"curve_preferences: the OpenSSL of this Python cannot be held to {name}") from error


def _load_certificate(context: ssl.SSLContext, tls: TLSServer) -> None:
    certificate = certificate_pem(tls)
    key = _pem(tls.key, tls.key_file, "key_file", b"PRIVATE KEY-----", "private key")
    shown = f"cert_file {tls.cert_file or '(inline)'} with key_file {tls.key_file or '(inline)'}"
    try:
        with _as_file(certificate) as certificate_path, _as_file(key) as key_path:
            context.load_cert_chain(certificate_path, key_path, password=_no_password)
    except _EncryptedError as error:
        raise SettingError(f"{shown}: the key is encrypted; give it without a password") from error
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise SettingError(f"{shown}: the key does not belong to the certificate") from error
        reason = (error.reason or "not valid PEM").replace("_", " ").lower()
        raise SettingError(f"{shown}: cannot be used: {reason}") from error
    except OSError as error:  # no /proc, or no files in memory
        raise SettingError(f"{shown}: cannot be handed to OpenSSL: {error.strerror}") from error


def _load_authorities(context: ssl.SSLContext, tls: TLSServer) -> None:
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # an intermediate authority may be trusted alone, as in Go
    if not (tls.client_ca or tls.client_ca_file):
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        return
    pem = _pem(tls.client_ca, tls.client_ca_file, "client_ca_file", b"-----BEGIN CERTIFICATE-----", "certificate")
    try:
        context.load_verify_locations(cadata=pem.decode("ascii", "replace"))
    except ssl.SSLError as error:
        reason = (error.reason or "not valid PEM").replace("_", " ").lower()
        raise SettingError(f"client_ca_file {tls.client_ca_file or '(inline)'}: cannot be used: {reason}") from error


def _pem(text: str, path: str, key: str, mark: bytes, kind: str) -> bytes:
    """A file's content, or the text where no file is named."""
    content = text.encode()
    if path:
        try:
            with open(path, "rb") as file:
                content = file.read(_LARGEST_PEM)
        except OSError as error:
            raise SettingError(f"{key} {path}: {error.strerror}") from error
    if mark not in content:
        raise SettingError(f"{key} {path or '(inline)'}: holds no {kind} in PEM")
    return content


class _EncryptedError(Exception):
    """OpenSSL asked for a password."""


def _no_password() -> str:
    raise _EncryptedError


@contextmanager
def _as_file(content: bytes) -> Iterator[str]:
    """A path to read this content from, since `ssl` takes only paths. It is in memory, never on a disk."""
    descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
