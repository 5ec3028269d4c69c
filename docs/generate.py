"""Writes the references of metrics, settings, exit codes, requests and needs from what they describe: `make docs`."""

# ruff: noqa: INP001 - a script, not a package

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from docker_storage_exporter import errors
from docker_storage_exporter.cli.options import CONFIG_FLAG, CONFIG_HELP, parser
from docker_storage_exporter.collector.catalogue import LIVE_FAMILIES, OBJECT_FAMILIES
from docker_storage_exporter.collector.family import Family, Origin
from docker_storage_exporter.doctor import NEEDS, Need
from docker_storage_exporter.inventory.client import NEWEST_API, OLDEST_API
from docker_storage_exporter.inventory.endpoints import ENDPOINTS
from docker_storage_exporter.settings import Settings, environment_name

FOLDER = Path(__file__).parent
_NOTICE = "<!-- Written by `make docs` from {}; edit that instead. -->"
# The first prefix that fits decides where a family is listed.
_SUBJECTS = {
    "docker_volume": "Volumes",
    "docker_container": "Containers",
    "docker_bind": "Bind mounts",
    "docker_image": "Images",
    "docker_engine": "The engine",
    "docker_storage_exporter": "The exporter itself",
    "docker_storage": "The whole",
}
# What an exit code means for single commands besides.
_FOR_ONE = {
    "ExporterError": "`du`: something could not be read; `df`: a number is missing or a lower bound; "
    "`doctor`: something costs metrics",
    "NoAnswerError": "`health`: nothing answers",
}


def metrics() -> str:
    """The reference of every metric family."""
    return "\n".join(_metrics()) + "\n"


def settings() -> str:
    """The reference of every setting."""
    return "\n".join(_settings()) + "\n"


def exit_codes() -> str:
    """The reference of every exit code."""
    return "\n".join(_exit_codes()) + "\n"


def endpoints() -> str:
    """The reference of every request to an engine."""
    return "\n".join(_endpoints()) + "\n"


def permissions() -> str:
    """The page on permissions, with the table of what each metric needs between its two marks."""
    start, end = _NOTICE.format("doctor/needs.py"), "<!-- As far as here. -->"
    text = (FOLDER / "permissions.md").read_text(encoding="utf-8")
    before, _, rest = text.partition(start)
    return "\n".join([before + start, "", *_needs(), "", end]) + rest.partition(end)[2]


def _metrics() -> Iterator[str]:
    yield "# Metrics"
    yield ""
    yield _NOTICE.format("collector/catalogue.py")
    yield ""
    yield "Sizes are in bytes, times in seconds since the epoch, and a series disappears when its object does."
    yield "Families marked *live* are read at the moment of the scrape; the others were put together for the last"
    yield "snapshot, see [concepts](concepts.md#how-fresh-a-number-is)."
    yield "`process_*` and `python_info` come from the Prometheus client library."
    yield from ("", "## Sources and costs", "", "| source | what it is | what it costs |", "|---|---|---|")
    for origin in Origin:
        yield f"| {_origin(origin)} | {origin.source} | {origin.cost} |"
    families = [(family, "") for family in OBJECT_FAMILIES] + [(family, "live ") for family in LIVE_FAMILIES]
    for prefix, subject in _SUBJECTS.items():
        columns = "| family | type | unit | labels | source | since | meaning |"
        yield from ("", f"## {subject}", "", columns, "|---|---|---|---|---|---|---|")
        yield from (_family(family, live) for family, live in families if _prefix(family) == prefix)


def _prefix(family: Family) -> str:
    return next(prefix for prefix in _SUBJECTS if family.name.startswith((f"{prefix}_", f"{prefix}s_")))


def _family(family: Family, live: str) -> str:
    labels = " ".join(f"`{label}`" for label in family.labels)
    facts = f"{live}{family.type} | {family.unit} | {labels} | {_origin(family.origin)} | {family.since}"
    return f"| `{family.name}` | {facts} | {family.help} |"


def _origin(origin: Origin) -> str:
    return origin.name.lower().replace("_", " ")


def _settings() -> Iterator[str]:
    yield "# Settings"
    yield ""
    yield _NOTICE.format("settings.py")
    yield ""
    yield "Every setting is a flag, an environment variable and a key of the [configuration file](configuration.md),"
    yield "named like the flag; the flag wins over the variable and the variable over the file."
    yield "An empty variable counts as not set."
    yield "Every command takes all of them but `du` and `completion`, which take none."
    yield "Durations are written like `30s`, `5m` or `1h30m`."
    yield "Expressions are Python regular expressions and have to match a whole name."
    yield "A reload puts what is marked so into effect at once; anything else needs a restart."
    yield from ("", "| flag | variable | default | reload | meaning |", "|---|---|---|---|---|")
    yield f"| `--{CONFIG_FLAG}` | `{environment_name(CONFIG_FLAG)}` |  | reloaded | {CONFIG_HELP} |"
    known = _flags()
    for entry in fields(Settings):
        facts = entry.metadata
        flag = f"`--{facts['flag']}`"
        if f"--no-{facts['flag']}" in known:
            flag += f", `--no-{facts['flag']}`"
        default = f"`{facts['default']}`" if facts["default"] else ""
        reload = "yes" if facts["live"] else ""
        yield f"| {flag} | `{facts['env']}` | {default} | {reload} | {facts['help']} |"


def _flags() -> frozenset[str]:
    return frozenset(flag for action in parser("serve", "")._actions for flag in action.option_strings)  # noqa: SLF001


def _exit_codes() -> Iterator[str]:
    yield "# Exit codes"
    yield ""
    yield _NOTICE.format("errors.py")
    yield ""
    yield "An error is one line on stderr, and its exit code is a promise to scripts."
    yield from ("", "| code | meaning | error |", "|---|---|---|")
    yield "| 0 | done; `serve` and `demo` after SIGTERM or Ctrl-C; `doctor`: nothing costs metrics | |"
    drawn = re.findall(r"^[+| -]*(\w+Error) +\d? +(.+)$", errors.__doc__ or "", re.MULTILINE)
    for name, meaning in drawn:
        shown = getattr(errors, name).exit_code
        extra = f"; {_FOR_ONE[name]}" if name in _FOR_ONE else ""
        yield f"| {shown} | {meaning}{extra} | `{name}` |"
    yield "| 130 | Ctrl-C ended a command that was not serving | |"
    yield "| 141 | the reader of the output closed it, as `head` does | |"
    yield "| 143 | SIGTERM ended a command that was not serving; `textfile`: before it wrote | |"


def _endpoints() -> Iterator[str]:
    oldest, newest = (".".join(map(str, version)) for version in (OLDEST_API, NEWEST_API))
    yield "# Requests to the engine"
    yield ""
    yield _NOTICE.format("inventory/endpoints.py")
    yield ""
    yield "These are all requests that are ever sent; whatever else the client library tried would be refused before it"
    yield "left the process. None changes anything, and none makes the engine walk its disks."
    yield from ("", "| request | purpose |", "|---|---|")
    yield from (f"| `GET {path}` | {purpose} |" for path, purpose in ENDPOINTS.items())
    yield ""
    yield f"API {oldest} to {newest} is spoken: the newest one that both sides know, which `doctor` shows."
    yield f"Every path but that of `GET /version` carries it as a prefix, such as `/v{newest}/info`."
    yield "A proxy in front of the socket may refuse everything else."


def _needs() -> Iterator[str]:
    yield from ("| need | what it is |", "|---|---|")
    yield from (f"| {need.title} | {need.meaning} |" for need in Need)
    yield from ("", "| metrics | need | without it | families |", "|---|---|---|---|")
    for row in NEEDS:
        families = " ".join(f"`{family.name}`" for family in row.families)
        needs = [f"{need.title} | {lost}" for need, lost in row.needs.items()] or ["none | "]
        yield f"| {row.metrics} | {needs[0]} | {families} |"
        yield from (f"| | {need} | |" for need in needs[1:])


def main() -> None:
    """Write every reference."""
    for name, text in (
        ("metrics", metrics),
        ("settings", settings),
        ("exit-codes", exit_codes),
        ("endpoints", endpoints),
        ("permissions", permissions),
    ):
        (FOLDER / f"{name}.md").write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
