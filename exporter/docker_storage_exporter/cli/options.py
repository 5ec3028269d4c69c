"""The options that settings declare, as argparse knows them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import NoReturn

from docker_storage_exporter.errors import SettingError
from docker_storage_exporter.settings import Settings, from_texts, switch


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as every error here is told, instead of showing every option there is."""

    def error(self, message: str) -> NoReturn:
        raise SettingError(f"{message}; see {self.prog} --help")


def parser(command: str, description: str) -> argparse.ArgumentParser:
    """A parser with an option for each setting. A setting that is a yes or no also has a --no- form.

    Parsing raises SettingError.
    """
    made = _Parser(
        prog=f"docker-storage-exporter {command}",
        description=description,
        epilog="Every option can also be given as the environment variable named with it; the option wins.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    for entry in fields(Settings):
        facts = entry.metadata
        default = f", default {facts['default']}" if facts["default"] else ""
        text = f"{facts['help']} [{facts['env']}{default}]".replace("%", "%%")
        if facts["parse"] is switch or entry.name == "docker_tls_verify":
            group = made.add_mutually_exclusive_group()
            group.add_argument(f"--{facts['flag']}", dest=entry.name, action="store_const", const="1", help=text)
            negated = f"--no-{facts['flag']}"
            group.add_argument(negated, dest=entry.name, action="store_const", const="0", help=argparse.SUPPRESS)
        else:
            metavar = facts["flag"].rpartition(".")[2].rpartition("-")[2].upper()
            made.add_argument(f"--{facts['flag']}", dest=entry.name, metavar=metavar, help=text)
    return made


def settings_from(options: argparse.Namespace, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings in parsed options and the environment. Raises SettingError."""
    names = {entry.name for entry in fields(Settings)}
    texts = {name: value for name, value in vars(options).items() if name in names}
    return from_texts(texts, os.environ if environment is None else environment)


def parse(command: str, description: str, arguments: Sequence[str]) -> Settings:
    """Settings of a command that has no options of its own. Raises SettingError."""
    return settings_from(parser(command, description).parse_args(arguments))
