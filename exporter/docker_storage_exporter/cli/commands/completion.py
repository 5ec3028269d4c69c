"""`completion SHELL`: a script by which bash, zsh or fish complete commands, options and their values."""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module

from docker_storage_exporter.cli import COMMANDS
from docker_storage_exporter.cli.options import parser, settings_from
from docker_storage_exporter.errors import ExporterError, NoAnswerError
from docker_storage_exporter.httpd import PRODUCT
from docker_storage_exporter.model.text import printable
from docker_storage_exporter.world import host_of

_PROGRAM = PRODUCT
_FUNCTION = "_docker_storage_exporter"
_HOW = {
    "bash": f"source <({_PROGRAM} completion bash)",
    "zsh": f"source <({_PROGRAM} completion zsh)   # after compinit",
    "fish": f"{_PROGRAM} completion fish | source",
}


_NAMES = "names"  # what the scripts call to complete what --explain takes
_ENGINE_TIMEOUT = "1s"


@dataclass(frozen=True, slots=True)
class _Option:
    """An option of a command; `values` are those it is limited to, and None of them with `takes_value` means a file."""

    name: str
    help: str
    takes_value: bool
    values: tuple[str, ...] = ()

    @property
    def is_named(self) -> bool:
        """Whether its value is the name of an object, which is looked up when it is completed."""
        return self.name == "--explain"


def run(arguments: Sequence[str]) -> int:
    """Print the script for a shell."""
    if list(arguments) == [_NAMES]:
        print("\n".join(_names()))
        return 0
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


def _names() -> list[str]:
    """What `df` shows now: asked of the exporter that runs here, else of the engine or its disk, soon or not at all."""
    from docker_storage_exporter.client.ask import ask  # noqa: PLC0415 - only when a name is completed
    from docker_storage_exporter.inventory.client import EngineClient  # noqa: PLC0415
    from docker_storage_exporter.inventory.current import CurrentInventory  # noqa: PLC0415
    from docker_storage_exporter.listing.row import SHARED_IMAGES  # noqa: PLC0415

    logging.disable()
    try:
        settings = settings_from(parser("completion", "").parse_args([f"--docker.timeout={_ENGINE_TIMEOUT}"]))
        try:
            return sorted({row.name for row in ask(settings).rows} - {SHARED_IMAGES})
        except NoAnswerError:
            inventory = CurrentInventory(settings, host_of(settings), EngineClient(settings)).renew()
    except ExporterError:
        return []
    names = [volume.name for volume in inventory.volumes] + [container.name for container in inventory.containers]
    return sorted(map(printable, names))


def _positional(command: str) -> tuple[str, ...]:
    """The words that a command takes besides options, where there is a list of them."""
    return tuple(_HOW) if command == "completion" else ()


def _bash() -> str:
    cases = []
    for command in COMMANDS:
        options = _options(command)
        for option in options:
            if option.is_named:
                cases.append(f'        "{command} {option.name}") {_FUNCTION}_names; return ;;')
            elif option.values:
                cases.append(f'        "{command} {option.name}") words="{" ".join(option.values)}" ;;')
            elif option.takes_value:
                cases.append(f'        "{command} {option.name}") return ;;')
        names = " ".join([*_positional(command), *(option.name for option in options)])
        cases.append(f'        "{command} "*) words="{names}" ;;')
    lines = "\n".join(cases)
    # readline splits --format=json into three words, and a name at each ":"
    return f"""{_FUNCTION}_names() {{
    local line=${{COMP_LINE:0:COMP_POINT}} typed before name
    typed=${{line##*[ =]}}
    before=${{typed%"$current"}}
    while IFS= read -r name; do
        [[ $name == "$typed"* ]] && COMPREPLY+=("${{name#"$before"}}")
    done < <({_PROGRAM} completion {_NAMES} 2>/dev/null)
}}
{_FUNCTION}() {{
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
        if option.is_named:
            value = f':name:(${{(f)"$({_PROGRAM} completion {_NAMES} 2>/dev/null)"}})'
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
            if option.is_named:
                value = f" -r -a '({_PROGRAM} completion {_NAMES} 2>/dev/null)'"
            yield f"{here} -l {option.name[2:]}{value} -d {shlex.quote(option.help)}"


_SCRIPTS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
