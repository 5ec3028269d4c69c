"""The engine's API through docker-py's low-level client: read-only by construction, with a negotiated version."""

from __future__ import annotations

import json
import os
import ssl
import time
import traceback
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

import docker.errors
import docker.tls
import requests
import urllib3.exceptions
from docker.api import APIClient
from docker.auth import INDEX_NAME

from docker_storage_exporter.errors import (
    AccessError,
    EngineError,
    EngineRefusalError,
    EngineUnreachableError,
    SettingError,
)
from docker_storage_exporter.inventory.endpoints import allowed
from docker_storage_exporter.settings import Settings

OLDEST_API = (1, 24)
NEWEST_API = (1, 51)
"""The versions spoken. 1.52 takes GraphDriver away from inspect, so newer engines are asked in 1.51."""

DEFAULT_REGISTRY = INDEX_NAME
"""Where an image comes from whose name begins with no registry."""

_EVENT_SILENCE_SECONDS = 300.0
_LARGEST_ANSWER = 256 * 1024**2
_LARGEST_EVENT = 1024**2
_PART = 1024**2
_TROUBLE = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    docker.errors.DockerException,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
)


class ReadOnlyClient(APIClient):
    """docker-py's client, but whatever is not on the published list never leaves this process.

    Nor does it go through a proxy, or trust an authority, that the environment names for the web at large.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.trust_env = False

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request. Raises PermissionError for one that is not on the list."""
        parts = urlsplit(url)
        params = urlencode({key: value for key, value in (kwargs.get("params") or {}).items() if value is not None})
        path = parts.path if parts.scheme != "http+docker" else "/" + url.split("://", 1)[1].partition("/")[2]
        if not allowed(method.upper(), path.partition("?")[0], params or parts.query):
            raise PermissionError(f"{method} {url} is not on the list of requests")
        if kwargs.get("timeout") is None:  # docker-py waits for events without end
            kwargs["timeout"] = _EVENT_SILENCE_SECONDS
        if kwargs.get("stream"):
            return super().request(method, url, *args, **kwargs)
        due = time.monotonic() + float(kwargs["timeout"])  # of the whole answer: the client's own is for each read
        kwargs["stream"] = True
        response = super().request(method, url, *args, **kwargs)
        vars(response).update(
            _content=_whole(response, due), _content_consumed=True
        )  # where requests keeps what it read
        return response

    def _stream_helper(self, response: requests.Response, decode: bool = False) -> Iterator[Any]:
        """What docker-py has events read by: the documents of a stream, one in a line as the engine writes them.

        Raises ValueError for one that is larger than any event, or none at all.
        """
        del decode
        raw, kept = response.raw, bytearray()
        read = getattr(raw, "read1", None) or (
            lambda _: raw.read(1)
        )  # urllib3 before 2.1 waits for all it is asked for
        while part := read(_PART):
            kept += part
            *lines, rest = kept.split(b"\n")
            yield from (json.loads(line) for line in lines if line.strip())
            kept = rest
            if len(kept) > _LARGEST_EVENT:
                raise ValueError(f"an event of more than {_LARGEST_EVENT // 2**20} MiB")


def _whole(response: requests.Response, due: float) -> bytes:
    """The body of an answer. Raises Timeout for one that drips, HTTPError of urllib3 for one that is too large."""
    raw, parts, size = response.raw, [], 0
    read = getattr(raw, "read1", raw.read)  # what has come, not what was promised (urllib3 from 2.1)
    while part := read(_PART, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > _LARGEST_ANSWER:
            response.close()
            raise urllib3.exceptions.HTTPError(f"an answer of more than {_LARGEST_ANSWER // 2**20} MiB")
        if time.monotonic() > due:
            response.close()
            raise requests.Timeout("the answer takes too long")
    raw.release_conn()
    return b"".join(parts)


class EngineClient:
    """One engine at one address. The connection is made at first use and reopened after an error."""

    def __init__(self, settings: Settings, timeout: float | None = None) -> None:
        self._settings = settings
        self._timeout = settings.docker_timeout if timeout is None else timeout
        self._client: ReadOnlyClient | None = None
        self.product = "docker"
        self.api_version = ""

    @property
    def host(self) -> str:
        """The engine's address."""
        return self._settings.docker_host

    def sibling(self, timeout: float | None = None) -> EngineClient:
        """Another client of the same engine, with a connection of its own: an answer that hangs holds up no other.

        `timeout` is how many seconds one answer of it may take, where that is not the settings' number.
        """
        return EngineClient(self._settings, timeout)

    def info(self) -> dict[str, Any]:
        """GET /info. Raises EngineError or AccessError, like every call here."""
        return _object(self._call("info"), "/info")

    def volumes(self) -> list[dict[str, Any]]:
        """GET /volumes: those of every driver."""
        return [_object(item, "/volumes") for item in _object(self._call("volumes"), "/volumes").get("Volumes") or []]

    def containers(self) -> list[dict[str, Any]]:
        """GET /containers/json: those in every state, without sizes."""
        answer = self._call("containers", all=True)
        if not isinstance(answer, list):
            raise EngineError(f"engine at {self.host}: /containers/json is not a list")
        return [_object(item, "/containers/json") for item in answer]

    def inspect(self, container: str) -> dict[str, Any] | None:
        """GET /containers/ID/json; None when the container is gone."""
        try:
            return _object(self._connected().inspect_container(container), "/containers/ID/json")
        except docker.errors.NotFound:
            return None
        except _TROUBLE as error:
            raise self._failure(error) from error

    def events(self) -> Any:
        """GET /events: an iterator of decoded events of containers and volumes, without the noisy exec ones."""
        kinds = ["create", "start", "die", "rename", "update", "destroy", "remove", "mount", "unmount", "prune"]
        filters = {"type": ["container", "volume"], "event": kinds}
        return self._call("events", decode=True, filters=filters)

    def trouble(self) -> tuple[type[Exception], ...]:
        """What iterating over events may raise."""
        return (*_TROUBLE, OSError)

    @staticmethod
    def is_silence(error: BaseException) -> bool:
        """Whether an error means that nothing happened for a while, and not that anything is wrong."""
        return any(
            isinstance(cause, urllib3.exceptions.ReadTimeoutError | requests.Timeout) for cause in _causes(error)
        )

    def close(self) -> None:
        """Drop the connection; the next call makes a new one."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _call(self, name: str, **arguments: Any) -> Any:
        try:
            return getattr(self._connected(), name)(**arguments)
        except _TROUBLE as error:
            raise self._failure(error) from error

    def _connected(self) -> ReadOnlyClient:
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _connect(self) -> ReadOnlyClient:
        first = self._open(OLDEST_API)
        try:
            version = first.version(api_version=False)
        finally:
            first.close()
        newest, oldest = _version(version["ApiVersion"]), _version(version.get("MinAPIVersion") or "1.12")
        if newest < OLDEST_API or oldest > NEWEST_API:
            raise EngineError(
                f"engine at {self.host} speaks API {_dotted(oldest)} to {_dotted(newest)}, "
                f"this exporter {_dotted(OLDEST_API)} to {_dotted(NEWEST_API)}: "
                + ("upgrade the engine" if newest < OLDEST_API else "upgrade the exporter")
            )
        names = [component.get("Name") for component in version.get("Components") or []]
        self.product = "podman" if "Podman Engine" in names else "docker"
        spoken = min(newest, NEWEST_API)
        self.api_version = _dotted(spoken)
        return self._open(spoken)

    def _open(self, version: tuple[int, int]) -> ReadOnlyClient:
        try:
            return ReadOnlyClient(self.host, version=_dotted(version), timeout=self._timeout, tls=self._tls())
        except docker.errors.TLSParameterError as error:
            raise SettingError(f"docker.cert-path: {error}") from error

    def _tls(self) -> docker.tls.TLSConfig | bool:
        settings = self._settings
        if not settings.docker_tls_verify or settings.docker_host.startswith("unix://"):
            return False
        folder = settings.docker_cert_path or os.path.expanduser("~/.docker")
        files = {name: f"{folder}/{name}.pem" for name in ("ca", "cert", "key")}
        for path in files.values():
            if not os.access(path, os.R_OK):
                raise SettingError(
                    f"{path}: cannot be read; --docker.cert-path has to hold ca.pem, cert.pem and key.pem"
                )
        return docker.tls.TLSConfig(client_cert=(files["cert"], files["key"]), ca_cert=files["ca"], verify=True)

    def _failure(self, error: Exception) -> Exception:
        """Any trouble as one of our errors: one line that says what happened and at which address."""
        self.close()
        if isinstance(error, docker.errors.APIError):
            return EngineRefusalError(f"engine at {self.host} {_refusal(error)}")
        chain = list(_causes(error))
        for cause in chain:  # their frames refer to each other, and would keep a socket open for each vain attempt
            traceback.clear_frames(cause.__traceback__)
        for cause in chain:
            if isinstance(cause, PermissionError):
                return AccessError(f"engine at {self.host}: permission denied; run as root or in the socket's group")
        for cause in chain:
            if isinstance(cause, ssl.SSLError):
                reason = getattr(cause, "verify_message", "") or cause.reason or "handshake failed"
                return EngineError(f"engine at {self.host}: TLS failed: {reason}; check --docker.cert-path")
        if any(isinstance(cause, requests.Timeout | TimeoutError) for cause in chain):
            return EngineError(f"engine at {self.host} did not answer within {self._timeout:g} s")
        if any(isinstance(cause, ConnectionRefusedError | FileNotFoundError) for cause in chain):
            return EngineUnreachableError(f"no engine answers at {self.host}")
        return EngineError(f"engine at {self.host} gave no usable answer: {type(error).__name__}: {_first_line(error)}")


def _refusal(error: docker.errors.APIError) -> str:
    """Which request was refused, and by whom: an engine allows every one, so 403 is a proxy's word."""
    request = getattr(error.response, "request", None)
    asked = f"{request.method} {request.path_url.partition('?')[0]}" if request is not None else "a request"
    why = _first_line(Exception(error.explanation or error))
    if getattr(error.response, "status_code", 0) == HTTPStatus.FORBIDDEN:
        return f"refused {asked}: {why}; the proxy there has to let it through"
    return f"refused {asked}: {why}"


def _causes(error: BaseException) -> Any:
    """An error with everything that caused it; urllib3 wraps the operating system's error in arguments."""
    seen: set[int] = set()
    pending: list[Any] = [error]
    while pending:
        cause = pending.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        pending += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise EngineError(f"the engine's answer to {where} is not what an engine answers")
    return value


def _version(text: Any) -> tuple[int, int]:
    major, _, minor = str(text).partition(".")
    return int(major), int(minor)


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0][:200] if lines else ""
