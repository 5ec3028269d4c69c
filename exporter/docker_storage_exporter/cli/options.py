"""The options that settings declare, as argparse knows them: a flag, a variable, a key of the configuration file."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import Field, fields, replace
from typing import Any, NoReturn

import configargparse

from docker_storage_exporter.cli.context import context_settings
from docker_storage_exporter.errors import SettingError
from docker_storage_exporter.settings import Settings, addresses, environment_name, from_texts, label_names, switch

CONFIG_FLAG = "config.file"
CONFIG_HELP = "YAML file with settings, its keys are the flags' names"
_PREFIX = environment_name("")
_TLS_VERIFY = "DOCKER_TLS_VERIFY"
_LISTS = (addresses, label_names)  # parsers of what a file may hold as a list
_PLAIN = re.compile(r"[\w/.][\w/.,:+-]*(?<!:)", re.ASCII)  # what YAML takes as it stands


class _UnopenedFile:
    """A configuration file's name, where configargparse wants the open file: its reader reports what is wrong."""

    def __init__(self, path: str) -> None:
        self.name = path


class _ConfigFile(configargparse.ConfigFileParser):
    """The configuration file as configargparse asks for it; `places` says where each key of it stands.

    YAML is loaded only when there is a file: a health check would wait for it longer than for the answer.
    """

    def __init__(self, keys: Collection[str], lists: Collection[str], read: Collection[str]) -> None:
        self.places: dict[str, str] = {}
        self._keys = keys
        self._lists = lists
        self._read = read

    def parse(self, stream: _UnopenedFile) -> dict[str, str]:
        """The text of each key that the command reads. Raises SettingError, also for the other keys."""
        from docker_storage_exporter.cli.config_file import read_config  # noqa: PLC0415 - see above

        texts, self.places = read_config(stream.name, self._keys, self._lists)
        return {key: text for key, text in texts.items() if key in self._read}


class _Parser(configargparse.ArgumentParser):
    """Merges flag, variable and file, the first that is given, and remembers in `options.origins` which it was.

    An error is one line, as everywhere here, not a list of every option.
    """

    def __init__(self, read: Collection[str], *, complete: bool, asks_engine: bool, **options: Any) -> None:
        self._complete = complete
        self._asks_engine = asks_engine
        keys = {entry.metadata["flag"]: entry.metadata["parse"] for entry in fields(Settings)}
        self._file = _ConfigFile(keys, [key for key, parse in keys.items() if parse in _LISTS], read)
        super().__init__(
            argument_default=argparse.SUPPRESS,
            allow_abbrev=False,
            add_config_file_help=False,
            add_env_var_help=False,
            config_file_parser_class=self._file,
            config_file_open_func=_UnopenedFile,
            **options,
        )

    def parse_args(
        self, args: Sequence[str] | None = None, env_vars: Mapping[str, str] | None = None
    ) -> argparse.Namespace:
        """The options; an empty variable counts as not set. Raises SettingError."""
        variables = os.environ if env_vars is None else env_vars
        options: argparse.Namespace = super().parse_args(args, env_vars={k: v for k, v in variables.items() if v})
        options.asks_engine = self._asks_engine
        if self._complete:
            _name_unknown(variables)
        options.origins = {
            action.dest: self._file.places.get(key, key)
            for source, found in self.get_source_to_settings_dict().items()
            if source != "command_line"
            for key, (action, _) in found.items()
        }
        return options

    def convert_item_to_command_line_arg(self, action: argparse.Action, key: str, value: str) -> list[str]:
        """A variable or key as the flag that says the same. Raises SettingError."""
        if not isinstance(action, argparse._StoreConstAction):  # noqa: SLF001 - the class of a switch has no other name
            return [f"{action.option_strings[0]}={value}"]
        if key == _TLS_VERIFY:  # to Docker's own clients any text means yes
            return [action.option_strings[0]]
        try:
            on = _PARSERS[action.dest](value)
        except ValueError as error:
            raise SettingError(f"{self._file.places.get(key, key)}: {error}") from error
        return [action.option_strings[0] if on else _negated(action.option_strings[0])]

    def error(self, message: str) -> NoReturn:
        raise SettingError(f"{message}; see {self.prog} --help")


class _Joined(argparse.Action):
    """An option that may be given several times: its texts, separated by commas."""

    def __call__(self, parser: Any, options: argparse.Namespace, value: Any, flag: str | None = None) -> None:  # noqa: ARG002 - argparse's signature
        given = getattr(options, self.dest, None)
        setattr(options, self.dest, f"{given},{value}" if given else value)


_PARSERS: dict[str, Callable[[str], Any]] = {entry.name: entry.metadata["parse"] for entry in fields(Settings)}


def parser(
    command: str, description: str, reads: Collection[str] = ("",), *, takes: str = "", only: bool = False
) -> argparse.ArgumentParser:
    """A parser with an option for each setting, shown after the command's own options.

    `reads` are the beginnings of the flags that the command reads. The others are accepted and not shown, so that one
    list of options serves every command; with `only` they are refused, which saves their cost. `takes` names what the
    command takes besides options. A setting that is a yes or no also has a --no- form. Parsing raises SettingError.
    """
    entries = [entry for entry in fields(Settings) if not only or entry.metadata["flag"].startswith(tuple(reads))]
    options = _Parser(
        read=[entry.metadata["flag"] for entry in entries],
        complete=not only,
        asks_engine="docker.host".startswith(tuple(reads)),
        prog=f"docker-storage-exporter {command}",
        usage=f"docker-storage-exporter {command} [OPTION]...{takes and f' {takes}'}",
        description=description,
    )
    group = options.add_argument_group(
        "settings",
        "Each can also be given as the environment variable named with it, or as a key of the configuration file; the "
        "option wins over the variable and the variable over the file.",
    )
    variable = environment_name(CONFIG_FLAG)
    group.add_argument(
        f"--{CONFIG_FLAG}",
        dest="config_file",
        metavar="FILE",
        env_var=variable,
        is_config_file_arg=True,
        help=f"{CONFIG_HELP} [{variable}]",
    )
    for entry in entries:
        _add_setting(group, entry, shown=entry.metadata["flag"].startswith(tuple(reads)))
    return options


def _add_setting(group: Any, entry: Field[Any], *, shown: bool) -> None:
    """Add the option of a setting."""
    facts = entry.metadata
    flag, default = f"--{facts['flag']}", f", default {facts['default']}" if facts["default"] else ""
    text = f"{facts['help']} [{facts['env']}{default}]".replace("%", "%%") if shown else argparse.SUPPRESS
    if facts["parse"] is switch:
        both = group.add_mutually_exclusive_group()
        both.add_argument(flag, dest=entry.name, action="store_const", const="true", help=text, env_var=facts["env"])
        both.add_argument(_negated(flag), dest=entry.name, action="store_const", const="false", help=argparse.SUPPRESS)
    else:
        metavar = facts["flag"].rpartition(".")[2].rpartition("-")[2].upper()
        action = _Joined if facts["parse"] is addresses else "store"
        group.add_argument(flag, dest=entry.name, action=action, metavar=metavar, help=text, env_var=facts["env"])


def settings_from(options: argparse.Namespace) -> Settings:
    """The settings in parsed options. Raises SettingError.

    More duty than the processors of this host can give is cut down to that. A command that asks an engine takes its
    address from the current Docker context where none is given.
    """
    texts = _texts(options)
    context = context_settings(texts) if options.asks_engine else {}
    settings = from_texts({**context, **texts}, options.origins)
    cores = os.cpu_count() or 1
    if settings.scan_duty > cores:
        origin = options.origins.get("scan_duty", "--scan.duty")
        _warn(f"{origin}: {settings.scan_duty:g} is more than the processors here can give: {cores} is used")
        return replace(settings, scan_duty=float(cores))
    return settings


def render_settings(options: argparse.Namespace) -> str:
    """Every setting with where it comes from, as a configuration file that says the same."""
    texts, lines = _texts(options), []
    for entry in fields(Settings):
        flag, text = entry.metadata["flag"], texts.get(entry.name, entry.metadata["default"])
        origin = options.origins.get(entry.name, f"--{flag}").partition(": ")[0] if entry.name in texts else "default"
        shown = text if _PLAIN.fullmatch(text) and text.lower() != "null" else _quoted(text)
        lines.append(f"{flag}: {shown}  # {origin}\n" if text else f"# {flag} is not set\n")
    return "".join(lines)


def _warn(message: str) -> None:
    print(f"docker-storage-exporter: {message}", file=sys.stderr)


def _name_unknown(variables: Mapping[str, str]) -> None:
    """Warn of variables that look like a setting and are none; a cluster may have set some for a service."""
    known = [environment_name(CONFIG_FLAG), *(entry.metadata["env"] for entry in fields(Settings))]
    for name in sorted(variables):
        if name.startswith(_PREFIX) and name not in known:
            import difflib  # noqa: PLC0415 - only a mistake needs it

            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else "--help names them all"
            _warn(f"the variable {name} is no setting: {hint}")


def _texts(options: argparse.Namespace) -> dict[str, str]:
    return {name: value for name, value in vars(options).items() if name in _PARSERS}


def _quoted(text: str) -> str:
    import yaml  # noqa: PLC0415 - only --config.print needs it

    quoted: str = yaml.safe_dump(text, default_style='"', allow_unicode=True, width=sys.maxsize)
    return quoted.rstrip("\n")


def _negated(flag: str) -> str:
    return "--no-" + flag.removeprefix("--")
