"""The Docker context that the docker command would use: where its engine is, if no other address is given."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from docker_storage_exporter.errors import SettingError

_DEFAULT = "default"


def context_settings(given: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Texts of the settings that the current context stands for; none where an address is given, or by default.

    DOCKER_CONTEXT names it, else `currentContext` of `config.json` in DOCKER_CONFIG or ~/.docker, as for docker-py and
    the docker command. Raises SettingError for a context that does not exist or cannot be used here.
    """
    if "docker_host" in given:
        return {}
    folder = environment.get("DOCKER_CONFIG") or os.path.join(environment.get("HOME") or "/root", ".docker")
    variable = environment.get("DOCKER_CONTEXT")
    name = variable or _document(os.path.join(folder, "config.json")).get("currentContext")
    if not isinstance(name, str) or not name or name == _DEFAULT:
        return {}
    where = "DOCKER_CONTEXT" if variable else os.path.join(folder, "config.json")
    return _settings_of(name, folder, where)


def _settings_of(name: str, folder: str, where: str) -> dict[str, str]:
    import hashlib  # noqa: PLC0415 - most hosts have no context but the default one

    digest = hashlib.sha256(name.encode()).hexdigest()
    meta = os.path.join(folder, "contexts", "meta", digest, "meta.json")
    endpoints = _document(meta).get("Endpoints")
    endpoint = endpoints.get("docker") if isinstance(endpoints, dict) else None
    host = endpoint.get("Host") if isinstance(endpoint, dict) else None
    if not isinstance(host, str) or not host:
        raise SettingError(f"{where}: there is no Docker context {name!r} in {meta}; --docker.host names an engine")
    if host.startswith(("ssh://", "npipe://")):
        raise SettingError(
            f"{where}: the Docker context {name!r} is {host}, which is not this host's engine; "
            "set --docker.host, or DOCKER_CONTEXT=default"
        )
    certificates = os.path.join(folder, "contexts", "tls", digest, "docker")
    if not os.path.isdir(certificates):
        return {"docker_host": host}
    return {"docker_host": host, "docker_tls_verify": "true", "docker_cert_path": certificates}


def _document(path: str) -> dict[str, Any]:
    """A JSON file; empty where there is none, or none that can be read."""
    try:
        with open(path, "rb") as file:
            content = file.read(1024 * 1024)
    except OSError:
        return {}
    import json  # noqa: PLC0415 - see above

    try:
        document = json.loads(content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
