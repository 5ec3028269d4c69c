"""`demo`: a generated data root, served like a real one."""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing

from docker_storage_exporter.cli.commands.serve import serve
from docker_storage_exporter.cli.options import parser, settings_from
from docker_storage_exporter.cli.signals import leave_on_sigterm
from docker_storage_exporter.demo.data_root import Demo
from docker_storage_exporter.demo.engine import DemoEngine
from docker_storage_exporter.demo.mounts import enter_namespace
from docker_storage_exporter.errors import ExporterError
from docker_storage_exporter.settings import Settings

_GROW_SECONDS = 5.0
_READS = ("scan.", "inventory.", "publish.", "web.", "collector.", "limits.", "log.")


def run(arguments: Sequence[str]) -> int:
    """Build the demo in a temporary folder, serve it until SIGTERM or Ctrl-C, and remove it."""
    command = parser(
        "demo", "Serve a generated data root: a dozen volumes and containers, some growing while you watch.", _READS
    )
    settings = settings_from(command.parse_args(arguments))

    def shaped(settings: Settings) -> Settings:
        """The same settings, for what is made up here."""
        return dataclasses.replace(
            settings,
            docker_host=engine.host,
            path_rootfs="/",
            path_data_root=demo.data_root,
            state_file=None,
            security_landlock="off",  # it writes what it measures, and removes it in the end
            scan_interval=min(settings.scan_interval, _GROW_SECONDS),
            publish_interval=min(settings.publish_interval, _GROW_SECONDS / 2),
        )

    leave_on_sigterm()
    with tempfile.TemporaryDirectory(prefix="docker-storage-exporter-demo-") as folder:
        entering = _enter_namespace(folder)
        with closing(Demo(folder, mounting=bool(entering))) as demo:
            _build(demo, folder)
            with closing(DemoEngine(demo)) as engine:
                _say(f"demo: a made-up engine with its data root in {demo.data_root}, removed when this ends")
                _say(f"for the other commands: {_shell(entering, engine.host)}; df and watch need nothing")
                demo.start_growing(_GROW_SECONDS)
                return serve(shaped(settings), lambda: shaped(settings_from(command.parse_args(arguments))))


def _build(demo: Demo, folder: str) -> None:
    try:
        demo.build()
    except OSError as error:
        raise ExporterError(f"cannot build the demo in {folder}: {error.strerror}; set TMPDIR elsewhere") from error


def _enter_namespace(folder: str) -> str:
    """How others enter the mounts of the demo; empty, after saying so, where it cannot have any."""
    try:
        return enter_namespace(folder)
    except OSError as error:
        _say(f"demo: nothing can be mounted here ({error.strerror}): no tmpfs mounts, and no disk of its own")
        return ""


def _shell(entering: str, host: str) -> str:
    """The command after which all others find the demo's engine and data root."""
    if not entering:
        return f"export DOCKER_HOST={host}"
    return f'nsenter --target {os.getpid()} {entering} env -C "$PWD" DOCKER_HOST={host} "$SHELL"'


def _say(line: str) -> None:
    print(line, file=sys.stderr)
