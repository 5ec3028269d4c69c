"""One frozen value that holds every setting, and the parsing of durations, sizes, addresses and expressions.

Each field carries its flag, environment variable, parser and help text, so that the command line, and the references
that are made from it, have one source.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from docker_storage_exporter.errors import SettingError
from docker_storage_exporter.httpd.address import Address

if TYPE_CHECKING:
    from docker_storage_exporter.limits import Limits

DEFAULT_PORT = 10054
DEFAULT_DATA_ROOT = "/var/lib/docker"
DEFAULT_HOST = "unix:///var/run/docker.sock"

_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?)i?b?", re.ASCII | re.IGNORECASE)
_LABEL = re.compile(r"[^a-zA-Z0-9_]")
_LONGEST_SECONDS = 366 * 86400.0
_LARGEST_SIZE = 2**63 - 1


def duration(text: str) -> float:
    """Seconds from Prometheus's spelling: 5m, 1h30m, 500ms. Raises ValueError."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration: write it like 30s, 5m or 1h30m")
    seconds = sum(float(number) * _DURATION_UNITS[unit] for number, unit in parts)
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise ValueError(f"{text!r} is not a duration that can be waited for: more than nothing, at most a year")
    return seconds


def size(text: str, *, base: int = 1024) -> int:
    """Bytes from Docker's spelling: 10m, 1.5g, 512. Units count in powers of `base`. Raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size: write it like 512, 10m or 1g")
    number = float(match[1]) * base ** " kmgtp".index(match[2].lower() or " ")
    if number > _LARGEST_SIZE:
        raise ValueError(f"{text!r} is more than any disk holds")
    return int(number)


def share(text: str) -> float:
    """A share of one core, above 0 and up to 64. Raises ValueError."""
    value = float(text) if re.fullmatch(r"\d*\.?\d+", text) else 0.0
    if not 0 < value <= 64:  # noqa: PLR2004
        raise ValueError(f"{text!r} is not a share of a core: write it like 0.1")
    return value


def count(text: str) -> int:
    """A whole number of at least 1. Raises ValueError."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ValueError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def limits(text: str) -> Limits:
    """The limits in the file at a path. Raises SettingError."""
    from docker_storage_exporter.limits import read_limits  # noqa: PLC0415 - YAML takes longer than a health check

    return read_limits(path(text), size)


def switch(text: str) -> bool:
    """A yes or no as environment variables spell it. Raises ValueError."""
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if text.lower() not in words:
        raise ValueError(f"{text!r} is neither true nor false")
    return words[text.lower()]


def address(text: str) -> Address:
    """HOST:PORT, :PORT or [IPV6]:PORT. Raises ValueError."""
    match = re.fullmatch(r"(?:\[([0-9a-fA-F:.%a-z]+)\]|([^:\[\]]*)):([0-9]{1,5})", text)
    if match is None or int(match[3]) > 65535:  # noqa: PLR2004
        raise ValueError(
            f"{text!r} is not an address: write it like :{DEFAULT_PORT}, 127.0.0.1:{DEFAULT_PORT} or [::1]:80"
        )
    return Address(match[1] or match[2], int(match[3]))


def addresses(text: str) -> tuple[Address, ...]:
    """One address or several, separated by commas. Raises ValueError."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > 1 and not all(parts):
        raise ValueError(f"{text!r} has a comma without an address beside it")
    listed = tuple(map(address, parts))
    if len(set(listed)) != len(listed):
        raise ValueError(f"{text!r} names an address twice")
    return listed


def expression(text: str) -> re.Pattern[str]:
    """A regular expression that has to match a whole name. Raises ValueError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # such as [[:alpha:]], which Python reads as something else
            return re.compile(text, re.DOTALL)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise ValueError(f"{text!r} is not a regular expression: {error}") from error


def engine_host(text: str) -> str:
    """An engine's address: unix://, tcp://, http:// or https://. Raises ValueError."""
    scheme, separator, rest = text.partition("://")
    if scheme == "ssh":
        raise ValueError(f"{text!r}: ssh is not supported, run the exporter on the engine's host")
    if not separator or not rest or scheme not in ("unix", "tcp", "http", "https"):
        raise ValueError(f"{text!r} is not an engine's address: write it like {DEFAULT_HOST} or tcp://127.0.0.1:2376")
    if scheme == "unix":
        return text
    from urllib.parse import urlsplit  # noqa: PLC0415 - the default needs none, and a health check is asked for often

    try:
        _ = urlsplit(text).port
    except ValueError as error:
        raise ValueError(f"{text!r} is not an engine's address: {error}") from error
    return text


def directory(text: str) -> str:
    """An absolute path without a trailing slash. Raises ValueError."""
    if not text.startswith("/"):
        raise ValueError(f"{text!r} is not an absolute path")
    return text.rstrip("/") or "/"


def label_names(text: str) -> tuple[str, ...]:
    """Names of engine labels, separated by commas, each of them becoming a Prometheus label. Raises ValueError."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    by_label = {prometheus_label(name): name for name in names}
    if len(by_label) != len(names):
        raise ValueError(f"{text!r}: two of these labels would get the same Prometheus name")
    return names


def prometheus_label(name: str) -> str:
    """The Prometheus label that carries an engine's label of that name."""
    return "label_" + _LABEL.sub("_", name)


def file_path(text: str) -> str:
    """An absolute path that can be a file's. Raises ValueError."""
    if not text.startswith("/") or text.endswith("/"):
        raise ValueError(f"{text!r} is not the absolute path of a file")
    return text


def path(text: str) -> str:
    """A path that can be a file's, relative to the working directory if it is not absolute. Raises ValueError."""
    if not text or text.endswith("/") or "\0" in text:
        raise ValueError(f"{text!r} is not the path of a file")
    return text


def log_format(text: str) -> str:
    """One of logfmt, json. Raises ValueError."""
    if text.lower() not in ("logfmt", "json"):
        raise ValueError(f"{text!r} is not a log format: logfmt or json")
    return text.lower()


def log_level(text: str) -> str:
    """One of debug, info, warn, error. Raises ValueError."""
    if text.lower() not in ("debug", "info", "warn", "error"):
        raise ValueError(f"{text!r} is not a log level: debug, info, warn or error")
    return text.lower()


def engine_kind(text: str) -> str:
    """One of auto, docker. Raises ValueError."""
    if text.lower() not in ("auto", "docker"):
        raise ValueError(f"{text!r} is not an engine that can be measured: auto or docker")
    return text.lower()


def landlock_mode(text: str) -> str:
    """One of auto, on, off. Raises ValueError."""
    if text.lower() not in ("auto", "on", "off"):
        raise ValueError(f"{text!r} is none of auto, on and off")
    return text.lower()


def _option(
    flag: str, parse: Callable[[str], Any], default: str, text: str, env: str = "", *, live: bool = False
) -> Any:
    """A setting. One that is `live` can change while the exporter runs; any other needs a restart."""
    metadata = {"flag": flag, "parse": parse, "default": default, "help": text, "live": live}
    metadata["env"] = env or environment_name(flag)
    return field(default_factory=lambda: parse(default) if default else None, metadata=metadata)


_live = partial(_option, live=True)


def environment_name(flag: str) -> str:
    """The environment variable of a flag: --scan.interval becomes DSE_SCAN_INTERVAL."""
    return "DSE_" + re.sub(r"[.-]", "_", flag).upper()


@dataclass(frozen=True)
class Settings:
    """Everything that can be set. Durations are in seconds, sizes in bytes; None where nothing was given."""

    docker_host: str = _option(
        "docker.host", engine_host, DEFAULT_HOST, "address of the engine: unix://, tcp://", "DOCKER_HOST"
    )
    docker_timeout: float = _option("docker.timeout", duration, "10s", "how long the engine may take to answer")
    docker_tls_verify: bool = _option(
        "docker.tls-verify",
        switch,
        "false",
        "speak TLS to a tcp:// engine and verify its certificate",
        "DOCKER_TLS_VERIFY",
    )
    docker_cert_path: str | None = _option(
        "docker.cert-path", directory, "", "folder with ca.pem, cert.pem and key.pem", "DOCKER_CERT_PATH"
    )
    engine: str = _option("engine", engine_kind, "auto", "which engine to measure: auto finds it out, or docker")
    path_rootfs: str = _option("path.rootfs", directory, "/", "where the host's root is mounted")
    path_procfs: str = _option("path.procfs", directory, "/proc", "where the host's /proc is mounted")
    path_data_root: str | None = _option(
        "path.data-root",
        directory,
        "",
        f"Docker's data root on the host (default: as the engine says, or {DEFAULT_DATA_ROOT})",
    )
    path_containerd_root: str | None = _option(
        "path.containerd-root", directory, "", "containerd's root on the host (default: looked for)"
    )
    scan_interval: float = _live(
        "scan.interval", duration, "5m", "how old a size has to be before it is measured again"
    )
    scan_duty: float = _live("scan.duty", share, "0.1", "CPU seconds per second that all measuring may use")
    scan_timeout: float = _live(
        "scan.timeout", duration, "30s", "how long a walk may make no progress before it is given up"
    )
    inventory_interval: float = _live("inventory.interval", duration, "1m", "how often the engine is asked what exists")
    publish_interval: float = _live("publish.interval", duration, "10s", "least time between two new pages")
    web_listen_address: tuple[Address, ...] = _option(
        "web.listen-address", addresses, f":{DEFAULT_PORT}", "address to serve on; may be given several times"
    )
    web_systemd_socket: bool = _option(
        "web.systemd-socket", switch, "false", "serve on the sockets that systemd hands over, not on addresses"
    )
    web_config_file: str | None = _option(
        "web.config.file",
        path,
        "",
        "file with TLS, passwords, headers and a limit of requests, reloaded when it changes",
    )
    web_max_connections: int = _option("web.max-connections", count, "64", "connections served at the same time")
    web_enable_reload: bool = _option("web.enable-reload", switch, "false", "let POST /-/reload reload the settings")
    ask_login_file: str | None = _option(
        "ask.login-file", path, "", "file with USER:PASSWORD, for df and watch to log in to an exporter on this host"
    )
    ask_certificate_file: str | None = _option(
        "ask.certificate-file", path, "", "PEM file with certificate and key, for df and watch to show to that exporter"
    )
    state_file: str | None = _option(
        "state.file", file_path, "", "file that keeps what was measured across restarts (default: nothing is kept)"
    )
    state_interval: float = _live("state.interval", duration, "1m", "least time between two writes of the state file")
    security_landlock: str = _option(
        "security.landlock",
        landlock_mode,
        "auto",
        "let Landlock keep serve from writing: on, off, or auto, which is on unless CAP_SYS_PTRACE is held",
    )
    collector_volumes: bool = _live("collector.volumes", switch, "true", "measure volumes")
    collector_layers: bool = _live("collector.layers", switch, "true", "measure writable layers of containers")
    collector_logs: bool = _live("collector.logs", switch, "true", "measure log files of containers")
    collector_tmpfs: bool = _live("collector.tmpfs", switch, "true", "measure tmpfs mounts of running containers")
    collector_images: bool = _live("collector.images", switch, "true", "measure images")
    collector_bind_mounts: bool = _live("collector.bind-mounts", switch, "true", "measure sources of bind mounts")
    collector_volume_include: re.Pattern[str] = _live(
        "collector.volume-include", expression, ".*", "only volumes whose whole name matches"
    )
    collector_volume_exclude: re.Pattern[str] | None = _live(
        "collector.volume-exclude", expression, "", "no volumes whose whole name matches"
    )
    collector_container_include: re.Pattern[str] = _live(
        "collector.container-include", expression, ".*", "only containers whose whole name matches"
    )
    collector_container_exclude: re.Pattern[str] | None = _live(
        "collector.container-exclude", expression, "", "no containers whose whole name matches"
    )
    collector_bind_mount_include: re.Pattern[str] = _live(
        "collector.bind-mount-include", expression, ".*", "only bind sources whose whole path matches"
    )
    collector_bind_mount_exclude: re.Pattern[str] | None = _live(
        "collector.bind-mount-exclude", expression, "", "no bind sources whose whole path matches"
    )
    collector_labels: tuple[str, ...] | None = _live(
        "collector.labels", label_names, "", "engine labels to carry over to the _info series, by comma"
    )
    collector_max_objects: int = _live(
        "collector.max-objects", count, "10000", "most objects of a kind on the page, the largest are kept"
    )
    limits_file: Limits | None = _live(
        "limits.file", limits, "", "file with limits of volumes, layers and logs by patterns of their names"
    )
    log_level: str = _live("log.level", log_level, "info", "debug, info, warn or error")
    log_format: str = _live("log.format", log_format, "logfmt", "logfmt or json")


def from_texts(texts: Mapping[str, str], origins: Mapping[str, str] | None = None) -> Settings:
    """Settings from texts by field name; `origins` says where a text was given, if not as its flag.

    Raises SettingError, naming what was given and where.
    """
    values: dict[str, Any] = {}
    for entry in fields(Settings):
        if entry.name not in texts:
            continue
        try:
            values[entry.name] = entry.metadata["parse"](texts[entry.name])
        except ValueError as error:
            origin = (origins or {}).get(entry.name, f"--{entry.metadata['flag']}")
            raise SettingError(f"{origin}: {error}") from error
    return Settings(**values)


def renewed(old: Settings, new: Settings) -> tuple[Settings, tuple[str, ...], tuple[str, ...]]:
    """What holds after a reload: `new` as far as it can change while the exporter runs, else `old`.

    With it come the flags of what changed now, and of what would change with a restart.
    """
    changed = [entry for entry in fields(Settings) if getattr(old, entry.name) != getattr(new, entry.name)]
    waiting = [entry for entry in changed if not entry.metadata["live"]]
    settings = replace(new, **{entry.name: getattr(old, entry.name) for entry in waiting})
    return (
        settings,
        tuple(entry.metadata["flag"] for entry in changed if entry.metadata["live"]),
        tuple(entry.metadata["flag"] for entry in waiting),
    )
