"""Completion: what real shells offer after a real Tab, or its equal."""

import argparse
import os
import shlex
import subprocess
from importlib import import_module

import pytest
from conftest import need

from cli.conftest import COMMAND
from docker_storage_exporter.cli import COMMANDS
from docker_storage_exporter.cli.options import parser


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    """The script of each shell."""
    folder = tmp_path_factory.mktemp("scripts")
    for shell in ("bash", "zsh", "fish"):
        done = subprocess.run([*COMMAND, "completion", shell], capture_output=True, check=True)
        assert done.stderr == b""
        (folder / shell).write_bytes(done.stdout)
    return folder


@pytest.fixture
def bash(scripts):
    """What bash offers for a line; "=" is a word of its own, as it is to readline."""

    def bash(line):
        words = [word for part in line.split(" ") for word in part.replace("=", " = ").strip(" ").split(" ")]
        array = " ".join(map(shlex.quote, ["docker-storage-exporter", *words]))
        code = (
            f"source {scripts}/bash; COMP_WORDS=({array}); COMP_CWORD={len(words)}; "
            '_docker_storage_exporter; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return done.stdout.split()

    return bash


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("d", ["df", "du", "demo"]),
        ("df --form", ["--format"]),
        ("df --format ", ["table", "json", "csv"]),
        ("df --format=j", ["json"]),
        ("df --format=", ["table", "json", "csv"]),
        ("df --kind v", ["volume"]),
        ("df --volume x", []),
        ("du --d", ["--depth"]),
        ("du /u", []),
        ("watch --on", ["--once"]),
        ("completion ", ["bash", "zsh", "fish", "--help"]),
        ("--scan.int", ["--scan.interval"]),
        ("--vers", ["--version"]),
        ("serve --web.l", ["--web.listen-address"]),
    ],
)
def test_bash_offers_what_fits(bash, line, offered):
    found = bash(line)

    assert set(offered) <= set(found) if line == "d" else found == offered


@pytest.mark.parametrize(
    ("typed", "words", "offered"),
    [
        ("df --explain shop_d", ["df", "--explain", "shop_d"], ["shop_db-backup", "shop_db-data"]),
        ("df --explain=shop_db-d", ["df", "--explain", "=", "shop_db-d"], ["shop_db-data"]),
        ("df --explain nothing-", ["df", "--explain", "nothing-"], []),
    ],
)
def test_bash_offers_the_names_that_df_shows(scripts, data_root, tmp_path, typed, words, offered):
    command = " ".join(map(shlex.quote, COMMAND))
    line = f"docker-storage-exporter {typed}"
    array = " ".join(map(shlex.quote, ["docker-storage-exporter", *words]))
    code = (
        f'docker-storage-exporter() {{ {command} "$@"; }}; source {scripts}/bash; COMP_LINE={shlex.quote(line)}; '
        f"COMP_POINT={len(line)}; COMP_WORDS=({array}); COMP_CWORD={len(words)}; "
        '_docker_storage_exporter; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    env = {
        **os.environ,
        "DSE_PATH_DATA_ROOT": data_root.partition("=")[2],
        "DOCKER_HOST": f"unix://{tmp_path}/none.sock",
        "DSE_WEB_LISTEN_ADDRESS": "127.0.0.1:1",
    }
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=True, env=env)

    assert (done.stdout.split(), done.stderr) == (offered, "")


@pytest.mark.parametrize("command", COMMANDS)
def test_bash_offers_every_option_of_every_command(bash, command):
    module = import_module(f"docker_storage_exporter.cli.commands.{command}")
    made = module.command_parser() if hasattr(module, "command_parser") else parser(command, "")
    wanted = {
        name
        for action in made._actions
        for name in action.option_strings
        if name.startswith("--") and action.help != argparse.SUPPRESS
    }

    assert set(bash(f"{command} --")) == wanted


def test_a_real_tab_in_a_real_bash_completes_the_line(scripts, terminal):
    shown = terminal(
        "--norc", "--noprofile", "-i", command=("bash",), environment={"PS1": "ready> ", "INPUTRC": "/dev/null"}
    )
    shown.until("ready> ")
    shown.type(f"source {scripts}/bash; echo sour''ced\n")
    shown.until("sourced")
    shown.until("ready> ", after=shown.text.rindex("sourced"))

    shown.type("docker-storage-exporter df --form\tcs\t")

    shown.until("--format csv")


@pytest.mark.parametrize(
    ("line", "offered"),
    [("wat", "watch"), ("df --form", "--format"), ("df --format ", "csv"), ("completion z", "zsh")],
)
def test_fish_offers_what_fits(scripts, line, offered):
    need("fish")
    code = f"source {scripts}/fish; complete -C {shlex.quote(f'docker-storage-exporter {line}')}"

    done = subprocess.run(["fish", "--no-config", "-c", code], capture_output=True, text=True, check=True)

    assert offered in [row.split("\t")[0] for row in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("typed", "completed"),
    [("wat\t", "watch"), ("df --form\tcs\t", "df --format=csv"), ("completion ba\t", "completion bash")],
)
def test_a_real_tab_in_a_real_zsh_completes_the_line(scripts, terminal, tmp_path, typed, completed):
    need("zsh")
    shown = terminal(
        "-f", "-i", command=("zsh",), environment={"PS1": "ready> ", "TERM": "dumb", "HOME": str(tmp_path)}
    )
    shown.until("ready> ")
    shown.type(f"autoload -Uz compinit; compinit -u -D; source {scripts}/zsh; echo sour''ced\n")
    shown.type("docker-storage-exporter() { echo got:$*: }\n")
    shown.until("sourced\r\n")
    shown.until("ready> ", after=shown.text.rindex("sourced"))

    shown.type(f"docker-storage-exporter {typed}\n")

    shown.until(f"got:{completed}:")


def test_an_unknown_shell_is_an_error(run):
    done = run("completion", "tcsh")

    assert done.returncode == 2
    assert "invalid choice: 'tcsh'" in done.stderr
