"""`completion SHELL`: a script by which bash, zsh or fish complete commands, options and their values."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module

from docker_storage_exporter.cli import COMMANDS
from docker_storage_exporter.cli.options import parser
from docker_storage_exporter.httpd import PRODUCT

_PROGRAM = PRODUCT
_FUNCTION = "_docker_storage_exporter"
_HOW = {
    "bash": f"source <({_PROGRAM} completion bash)",
    "zsh": f"source <({_PROGRAM} completion zsh)   # after compinit",
    "fish": f"{_PROGRAM} completion fish | source",
}


@dataclass(frozen=True, slots=True)
class _Option:
    """An option of a command; `values` are those it is limited to, and None of them with `takes_value` means a file."""

    name: str
    help: str
    takes_value: bool
    values: tuple[str, ...] = ()


def run(arguments: Sequence[str]) -> int:
    """Print the script for a shell."""
    shell = command_parser().parse_args(arguments).shell
    sys.stdout.write(f"# Completion for {shell}. To have it now: {_HOW[shell]}\n{_SCRIPTS[shell]()}")
    return 0


def command_parser() -> argparse.ArgumentParser:
    """The options of `completion`."""
    options = argparse.ArgumentParser(
        prog=f"{_PROGRAM} completion",
        description="Print a script by which a shell completes the commands and options of this program.",
        epilog="To have it in every new shell, put the line that the script names into the shell's start-up file.",
    )
    options.add_argument("shell", choices=tuple(_HOW))
    return options


def _options(command: str) -> list[_Option]:
    """What a command takes: from its own parser, or the settings where it has nothing of its own."""
    module = import_module(f"docker_storage_exporter.cli.commands.{command}")
    make: Callable[[], argparse.ArgumentParser] = getattr(module, "command_parser", lambda: parser(command, ""))
    options = []
    for action in make()._actions:  # noqa: SLF001 - argparse tells its options in no other way
        names = [name for name in action.option_strings if name.startswith("--")]
        if names and action.help != argparse.SUPPRESS:
            values = tuple(map(str, action.choices or ()))
            text = (action.help or "").partition(" [")[0].replace("%%", "%")
            options.append(_Option(names[0], text, action.nargs != 0, values))
    return options


def _positional(command: str) -> tuple[str, ...]:
    """The words that a command takes besides options, where there is a list of them."""
    return tuple(_HOW) if command == "completion" else ()


def _bash() -> str:
    cases = []
    for command in COMMANDS:
        options = _options(command)
        for option in options:
            if option.values:
                cases.append(f'        "{command} {option.name}") words="{" ".join(option.values)}" ;;')
            elif option.takes_value:
                cases.append(f'        "{command} {option.name}") return ;;')
        names = " ".join([*_positional(command), *(option.name for option in options)])
        cases.append(f'        "{command} "*) words="{names}" ;;')
    lines = "\n".join(cases)
    # readline splits --format=json into three words; ":" never occurs in what is offered
    return f"""{_FUNCTION}() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}} command=serve words=
    if [[ $current == "=" ]]; then
        current=
    elif [[ $previous == "=" ]]; then
        previous=${{COMP_WORDS[COMP_CWORD-2]}}
    fi
    case ${{COMP_WORDS[1]}} in
        {"|".join(COMMANDS)}) (( COMP_CWORD > 1 )) && command=${{COMP_WORDS[1]}} ;;
    esac
    COMPREPLY=()
    case "$command $previous" in
{lines}
    esac
    if (( COMP_CWORD == 1 )); then
        words="{" ".join(COMMANDS)} $words --version --help"
    fi
    if [[ $current == -* || $words != -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    fi
}}
complete -o default -F {_FUNCTION} {_PROGRAM}
"""


def _zsh() -> str:
    described = " ".join(shlex.quote(f"{command}:{text}") for command, text in COMMANDS.items())
    cases = "\n".join(_zsh_case(command) for command in COMMANDS)
    return f"""{_FUNCTION}() {{
    local -a commands
    commands=({described})
    if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
        _describe command commands
        return
    fi
    local command=$words[2]
    if (( $+commands[(r)$command:*] )); then
        shift words
        (( CURRENT-- ))
    else
        command=serve
    fi
    case $command in
{cases}
    esac
}}
compdef {_FUNCTION} {_PROGRAM}
"""


def _zsh_case(command: str) -> str:
    words = _positional(command)
    specifications = [f":{command}:({' '.join(words)})" if words else "*:file:_files"]
    for option in _options(command):
        text = option.help.replace("[", "(").replace("]", ")").replace(":", r"\:")
        value = f":{option.name[2:]}:({' '.join(option.values)})" if option.values else ":value:_files"
        specifications.append(f"{option.name}{'=' if option.takes_value else ''}[{text}]" + value * option.takes_value)
    return f"        {command}) _arguments -s {' '.join(map(shlex.quote, specifications))} ;;"


def _fish() -> str:
    return "".join(f"complete -c {_PROGRAM} {words}\n" for words in _fish_lines())


def _fish_lines() -> Iterator[str]:
    known = " ".join(COMMANDS)
    for command, text in COMMANDS.items():
        yield f"-n 'not __fish_seen_subcommand_from {known}' -f -a {command} -d {shlex.quote(text)}"
    for command in COMMANDS:
        here = f"-n '__fish_seen_subcommand_from {command}'"
        if words := _positional(command):
            yield f"{here} -f -a '{' '.join(words)}'"
        for option in _options(command):
            value = f" -x -a '{' '.join(option.values)}'" if option.values else " -r" * option.takes_value
            yield f"{here} -l {option.name[2:]}{value} -d {shlex.quote(option.help)}"


_SCRIPTS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
