"""The command line as a whole: version, help, and what is imported for which command."""

import os
import subprocess
import sys

import pytest

from docker_storage_exporter import __version__

SET_UP = ("sitecustomize", "usercustomize")


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_goes_to_stdout(run, flag):
    done = run(flag)

    assert (done.returncode, done.stdout, done.stderr) == (0, f"docker-storage-exporter {__version__}\n", "")


def test_help_lists_the_commands_and_the_options_of_serve(run):
    done = run("--help")

    assert (done.returncode, done.stderr) == (0, "")
    for word in ("serve", "df", "du", "doctor", "demo", "--web.listen-address", "DSE_SCAN_INTERVAL"):
        assert word in done.stdout


@pytest.mark.parametrize("command", ["serve", "df", "du", "doctor", "demo"])
def test_every_command_has_a_help_of_its_own(run, command):
    done = run(command, "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: docker-storage-exporter {command} ")


def test_the_console_script_is_the_same_program(tmp_path):
    script = os.path.join(os.path.dirname(sys.executable), "docker-storage-exporter")

    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, f"docker-storage-exporter {__version__}\n")


@pytest.mark.uncovered
def test_du_imports_the_sizer_and_nothing_else_of_ours_or_of_others(tmp_path):
    code = (
        "import sys; from docker_storage_exporter.cli import main; code = main(sys.argv[1:]); "
        "print(*(n for n in sys.modules if n.partition('.')[0] not in sys.stdlib_module_names), file=sys.stderr); "
        "sys.exit(code)"
    )

    done = subprocess.run(
        [sys.executable, "-I", "-c", code, "du", str(tmp_path)], capture_output=True, text=True, check=True
    )

    packages = {".".join(name.split(".")[:2]) for name in done.stderr.split() if not name.startswith("_")}
    assert {name for name in packages if not name.startswith(SET_UP)} == {
        "docker_storage_exporter",
        "docker_storage_exporter.cli",
        "docker_storage_exporter.model",
        "docker_storage_exporter.sizer",
    }
