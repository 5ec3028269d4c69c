"""Asks an exporter that runs on this host, so that a command need not measure what was measured already."""

from __future__ import annotations

import json
from typing import Any

from docker_storage_exporter.client.address import exporter_address
from docker_storage_exporter.client.exchange import Answer, exchange
from docker_storage_exporter.client.reach import login, open_connection
from docker_storage_exporter.errors import AccessError, EngineError, NoAnswerError, SettingError
from docker_storage_exporter.hostfs.boot import host_mark
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.httpd import PRODUCT
from docker_storage_exporter.httpd.address import Address
from docker_storage_exporter.listing.document import OBJECTS_PATH, Listing, from_document
from docker_storage_exporter.settings import DEFAULT_DATA_ROOT, DEFAULT_HOST, Settings

_TIMEOUT_SECONDS = 60.0  # of a hundred thousand objects the first answer takes many
_OK, _BAD_REQUEST, _UNAUTHORIZED = 200, 400, 401


def ask(settings: Settings) -> Listing:
    """The listing of the exporter at the configured address. Raises NoAnswerError, and SettingError of the settings."""
    address, headers = exporter_address(settings), login(settings)
    try:
        with open_connection(settings) as connection:
            answer = exchange(connection, OBJECTS_PATH, headers, timeout=_TIMEOUT_SECONDS)
        if answer.status != _OK:
            raise NoAnswerError(f"what listens at {address} {_refusal(answer)}")
        return from_document(json.loads(answer.body))
    except OSError as error:
        raise NoAnswerError(_failure(address, error)) from error
    except (ValueError, RecursionError) as error:
        raise NoAnswerError(f"what listens at {address} is no exporter of this version") from error


def ask_same(settings: Settings, host: Host) -> Listing:
    """The listing of the exporter at the configured port, if it shows the data root that is meant here.

    Raises NoAnswerError, which says why there is none.
    """
    address = exporter_address(settings)
    listing = ask(settings)
    if reason := _difference(listing, settings, host):
        raise NoAnswerError(f"the exporter at {address} {reason}")
    return listing


def _refusal(answer: Answer) -> str:
    """What an answer other than the listing means."""
    if answer.headers.get("server") == PRODUCT:
        if answer.status == _UNAUTHORIZED:
            return "wants another password: see --ask.login-file"
        if answer.status == _BAD_REQUEST:
            return "speaks TLS: name its web configuration with --web.config.file"
    return f"answers {answer.status} to {OBJECTS_PATH}"


def _failure(address: Address, error: OSError) -> str:
    """What it means that there is no answer."""
    import ssl  # noqa: PLC0415 - most exporters answer, and without TLS

    if not isinstance(error, ssl.SSLError):
        return f"no exporter answers at {address}: {error.strerror or error}"
    if "ALERT" in (error.reason or ""):  # such as TLSV13_ALERT_CERTIFICATE_REQUIRED
        return f"what listens at {address} lets nobody in without another certificate: see --ask.certificate-file"
    return f"what listens at {address} does not speak TLS as --web.config.file says"


def _difference(listing: Listing, settings: Settings, host: Host) -> str:
    """What makes an exporter's listing another one than this command's own would be; empty for nothing."""
    origin = listing.origin
    if origin.host != host_mark(host.procfs):
        return "runs on another host"
    if origin.refused:
        return f"has no sizes: {origin.refused}"
    path, engine = settings.path_data_root, ""
    if path is None:
        if settings.docker_host == DEFAULT_HOST:  # this host's own engine, which need not be asked, and may hang
            return ""
        path, engine = _said_by_engine(settings)
    if engine and origin.engine and engine != origin.engine:
        return "asks another engine"
    if host.resolve(path, host.mounts()).path != origin.root:
        return f"measures another data root, {origin.root}"
    return ""


def _said_by_engine(settings: Settings) -> tuple[str, str]:
    """The data root and the id of the engine; the usual path and nothing when it does not answer."""
    from docker_storage_exporter.inventory.client import EngineClient  # noqa: PLC0415 - takes longer than the answer

    client = EngineClient(settings)
    try:
        info: dict[str, Any] = client.info()
    except (EngineError, AccessError, SettingError):
        return DEFAULT_DATA_ROOT, ""
    finally:
        client.close()
    return str(info.get("DockerRootDir") or DEFAULT_DATA_ROOT), str(info.get("ID") or "")
