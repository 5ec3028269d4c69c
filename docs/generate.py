"""Writes docs/metrics.md from the catalogue and docs/settings.md from the settings: `make docs`."""

# ruff: noqa: INP001 - a script, not a package

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from docker_storage_exporter.cli.options import CONFIG_FLAG, CONFIG_HELP, parser
from docker_storage_exporter.collector.catalogue import LIVE_FAMILIES, OBJECT_FAMILIES, Family
from docker_storage_exporter.settings import Settings, environment_name

FOLDER = Path(__file__).parent
_NOTICE = "<!-- Written by `make docs` from {}; edit that instead. -->"
# The first prefix that fits decides where a family is listed.
_SUBJECTS = {
    "docker_volume": "Volumes",
    "docker_container": "Containers",
    "docker_bind": "Bind mounts",
    "docker_engine": "The engine",
    "docker_storage_exporter": "The exporter itself",
    "docker_storage": "The whole",
}


def metrics() -> str:
    """The reference of every metric family."""
    return "\n".join(_metrics()) + "\n"


def settings() -> str:
    """The reference of every setting."""
    return "\n".join(_settings()) + "\n"


def _metrics() -> Iterator[str]:
    yield "# Metrics"
    yield ""
    yield _NOTICE.format("collector/catalogue.py")
    yield ""
    yield "Sizes are in bytes, times in seconds since the epoch, and a series disappears when its object does."
    yield "Families marked *live* are read at the moment of the scrape; the others were put together for the last"
    yield "snapshot, see [concepts](concepts.md#how-fresh-a-number-is)."
    yield "`process_*` and `python_info` come from the Prometheus client library."
    families = [(family, "") for family in OBJECT_FAMILIES] + [(family, "live ") for family in LIVE_FAMILIES]
    for prefix, subject in _SUBJECTS.items():
        yield from ("", f"## {subject}", "", "| family | type | labels | meaning |", "|---|---|---|---|")
        yield from (_family(family, live) for family, live in families if _prefix(family) == prefix)


def _prefix(family: Family) -> str:
    return next(prefix for prefix in _SUBJECTS if family.name.startswith(prefix + "_"))


def _family(family: Family, live: str) -> str:
    labels = " ".join(f"`{label}`" for label in family.labels)
    return f"| `{family.name}` | {live}{family.type} | {labels} | {family.help} |"


def _settings() -> Iterator[str]:
    yield "# Settings"
    yield ""
    yield _NOTICE.format("settings.py")
    yield ""
    yield "Every setting is a flag, an environment variable and a key of the [configuration file](configuration.md),"
    yield "named like the flag; the flag wins over the variable and the variable over the file."
    yield "An empty variable counts as not set."
    yield "`serve`, `df` and `demo` take all of them, `du` none."
    yield "Durations are written like `30s`, `5m` or `1h30m`."
    yield "Expressions are Python regular expressions and have to match a whole name."
    yield "A reload puts what is marked so into effect at once; anything else needs a restart."
    yield from ("", "| flag | variable | default | reload | meaning |", "|---|---|---|---|---|")
    yield f"| `--{CONFIG_FLAG}` | `{environment_name(CONFIG_FLAG)}` |  | read anew | {CONFIG_HELP} |"
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


def main() -> None:
    """Write both references."""
    for name, text in (("metrics.md", metrics()), ("settings.md", settings())):
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
