"""The web configuration file that Prometheus's own exporters read: its keys and values, as exporter-toolkit has them.

Source of the format: github.com/prometheus/exporter-toolkit, docs/web-configuration.md and web/tls_config.go. Where
this reader is stricter is listed in docs/web-configuration.md; a test holds the two to one opinion otherwise.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from docker_storage_exporter.httpd.tls import TLSServer
from docker_storage_exporter.yaml_file import YamlFile, is_null

_TRUE = ("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y")
_FALSE = ("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_BCRYPT = re.compile(r"\$2[abxy]\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}", re.ASCII)
# What may be set, and to what: exporter-toolkit keeps the list this short on purpose. Empty: to anything.
_HEADERS = {
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
    "Content-Security-Policy": (),
}


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One request per `interval` seconds, 0 for no limit, after a burst of so many."""

    interval: float = 0.0
    burst: int = 0


@dataclass(frozen=True, slots=True)
class WebConfig:
    """What the file says. `users` are names with bcrypt hashes, `tls` is None where plain HTTP is spoken."""

    tls: TLSServer | None = None
    headers: tuple[tuple[str, str], ...] = ()
    users: Mapping[str, str] = field(default_factory=dict)
    rate_limit: RateLimit = RateLimit()

    @property
    def protections(self) -> tuple[str, ...]:
        """What keeps others out, by the keys that say so."""
        names = self.tls.protections if self.tls else ()
        return (*names, "basic_auth_users") if self.users else names


def read_web_config(path: str) -> WebConfig:
    """What a file says. Relative paths in it are relative to its folder. Raises SettingError, with file and line."""
    return _Reader(YamlFile(path, "web.config.file", "basic_auth_users:")).config()


class _Reader:
    """Reads one file. A reading function is given the key's name and the value's node, and returns the value."""

    def __init__(self, file: YamlFile) -> None:
        self._file = file
        self._folder = os.path.dirname(file.path)

    def config(self) -> WebConfig:
        sections = {
            "tls_server_config": self._tls,
            "http_server_config": self._http,
            "basic_auth_users": self._users,
            "rate_limit": self._limit,
        }
        values = self._read("", self._file.root(), sections)
        return WebConfig(
            tls=values.get("tls_server_config"),
            headers=values.get("http_server_config", ()),
            users=values.get("basic_auth_users", {}),
            rate_limit=values.get("rate_limit", RateLimit()),
        )

    def _tls(self, name: str, node: yaml.Node) -> TLSServer | None:
        readers: dict[str, Callable[[str, yaml.Node], Any]] = dict.fromkeys(
            ("cert", "key", "client_ca", "client_auth_type", "min_version", "max_version"), self._text
        )
        readers |= dict.fromkeys(("cert_file", "key_file", "client_ca_file"), self._path)
        readers |= dict.fromkeys(("client_allowed_sans", "cipher_suites", "curve_preferences"), self._texts)
        readers["prefer_server_cipher_suites"] = self._boolean
        values = self._read(name, node, readers)
        if not node.value:
            return None
        tls = TLSServer(**values)
        for mistake in tls.mistakes():
            self._file.refuse(node.start_mark.line, f"{name}: {mistake}")
        return tls

    def _http(self, name: str, node: yaml.Node) -> tuple[tuple[str, str], ...]:
        values = self._read(name, node, {"http2": self._boolean, "headers": self._headers})
        headers: tuple[tuple[str, str], ...] = values.get("headers", ())
        return headers

    def _headers(self, name: str, node: yaml.Node) -> tuple[tuple[str, str], ...]:
        headers = []
        for key, at, value in self._items(name, node):
            if key not in _HEADERS:
                self._refuse(at, f"{name}.{key}: cannot be set; those that can: {', '.join(_HEADERS)}")
            text, allowed = self._text(f"{name}.{key}", value), _HEADERS[key]
            if allowed and text not in allowed:
                self._refuse(value, f"{name}.{key}: {text!r} is not {' or '.join(allowed)}")
            if not (text.isascii() and (text.isprintable() or not text)):
                self._refuse(value, f"{name}.{key}: {text!r} cannot be sent: a header is one line of ASCII")
            if text:
                headers.append((key, text))
        return tuple(headers)

    def _users(self, name: str, node: yaml.Node) -> dict[str, str]:
        users = {}
        for user, _, value in self._items(name, node):
            users[user] = self._text(f"{name}.{user}", value)
            if not _BCRYPT.fullmatch(users[user]):
                self._refuse(value, f"{name}.{user}: is not a bcrypt hash; make one with htpasswd -nBC 10 USER")
        return users

    def _limit(self, name: str, node: yaml.Node) -> RateLimit:
        values = self._read(name, node, {"interval": self._duration, "burst": self._count})
        limit = RateLimit(**values)
        if limit.interval and not limit.burst:
            self._refuse(node, f"{name}: with a burst of 0 no request would ever be answered; set burst to 1 or more")
        return limit

    def _read(self, name: str, node: yaml.Node | None, readers: Mapping[str, Callable[..., Any]]) -> dict[str, Any]:
        """The values of a mapping whose keys are all known."""
        values = {}
        for key, at, value in self._items(name, node):
            if key not in readers:
                place = f"{name}: " if name else ""
                self._refuse(at, f"{place}unknown key {key!r}: one of {', '.join(readers)}")
            if not is_null(value):
                values[key] = readers[key](f"{name}.{key}" if name else key, value)
        return values

    def _items(self, name: str, node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        if node is None or is_null(node):
            return
        if not isinstance(node, yaml.MappingNode):
            self._refuse(node, f"{name}: has to hold lines of KEY: VALUE")
        seen = set()
        for at, value in node.value:
            key = self._text(f"{name}: a key", at)
            if key in seen:
                self._refuse(at, f"{name}: {key!r} is given twice" if name else f"{key!r} is given twice")
            seen.add(key)
            yield key, at, value

    def _text(self, name: str, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            self._refuse(node, f"{name}: has to be one value")
        text = "" if is_null(node) else str(node.value)
        if any("\ud800" <= char <= "\udfff" for char in text):
            self._refuse(node, f"{name}: {text!r} is not Unicode")
        return text

    def _texts(self, name: str, node: yaml.Node) -> tuple[str, ...]:
        if not isinstance(node, yaml.SequenceNode):
            self._refuse(node, f"{name}: has to be a list")
        return tuple(self._text(name, item) for item in node.value)

    def _path(self, name: str, node: yaml.Node) -> str:
        text = self._text(name, node)
        if "\0" in text:
            self._refuse(node, f"{name}: {text!r} is not a path")
        return os.path.join(self._folder, text) if text else ""

    def _boolean(self, name: str, node: yaml.Node) -> bool:
        text = self._text(name, node)
        if not _is_plain(node) or text not in _TRUE + _FALSE:
            self._refuse(node, f"{name}: {text!r} is neither true nor false")
        return text in _TRUE

    def _count(self, name: str, node: yaml.Node) -> int:
        text = self._text(name, node)
        if not _is_plain(node) or not re.fullmatch(r"\d{1,9}", text, re.ASCII):
            self._refuse(node, f"{name}: {text!r} is not a whole number")
        return int(text)

    def _duration(self, name: str, node: yaml.Node) -> float:
        text = self._text(name, node)
        parts = _PART.findall(text)
        if text != "0" and (not parts or "".join(number + unit for number, unit in parts) != text):
            self._refuse(node, f"{name}: {text!r} is not a duration with a unit, such as 1s or 500ms")
        return float(sum(float(number) * _UNITS[unit] for number, unit in parts))

    def _refuse(self, node: yaml.Node, message: str) -> Any:
        self._file.refuse(node.start_mark.line, message)


def _is_plain(node: yaml.Node) -> bool:
    """Whether a value stands without quotes: in quotes it is a text, never a number or a yes."""
    return isinstance(node, yaml.ScalarNode) and node.style is None
