"""`textfile PATH`: everything measured once and written for node_exporter's textfile collector."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Sequence

from docker_storage_exporter.cli.log import set_up_log
from docker_storage_exporter.cli.options import parser, settings_from
from docker_storage_exporter.confine.rights import read_rights
from docker_storage_exporter.confine.sandbox import Sandbox, restrict_process
from docker_storage_exporter.errors import ExporterError, SettingError
from docker_storage_exporter.files import replace_file, storage_root_of
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.inventory.client import EngineClient
from docker_storage_exporter.inventory.current import CurrentInventory
from docker_storage_exporter.limits import Limits
from docker_storage_exporter.listing.filesystems import Filesystems
from docker_storage_exporter.listing.textfile import render_textfile
from docker_storage_exporter.model.objects import Inventory
from docker_storage_exporter.schedule.budget import Budget
from docker_storage_exporter.schedule.once import measure_everything
from docker_storage_exporter.settings import Settings
from docker_storage_exporter.sizer import Control
from docker_storage_exporter.world import host_of

_STDOUT = "-"
_SUFFIX = ".prom"
_MODE = 0o644  # node_exporter runs as another user
_READS = ("docker.", "engine", "path.", "collector.", "limits.", "scan.duty", "scan.timeout", "security.", "log.")


def run(arguments: Sequence[str]) -> int:
    """Measure within the budget and write; 0 also where something has no number, which the page says."""
    options = command_parser().parse_args(arguments)
    settings = settings_from(options)
    if options.path != _STDOUT:
        _check(options.path)
    set_up_log("debug" if settings.log_level == "debug" else "error", settings.log_format)
    signal.signal(signal.SIGTERM, _end)
    sandbox = _sandbox(settings, options.path)
    host = host_of(settings)
    inventory = CurrentInventory(settings, host, EngineClient(settings))
    listed = inventory.renew()
    _refuse_data_root(options.path, listed, host)
    if inventory.status.trouble:
        print(f"{inventory.status.trouble}; this is what the disk says", file=sys.stderr)
    snapshot = measure_everything(settings, listed, host, lambda *_: None, Control(), Budget(settings.scan_duty))
    filesystems, labels = Filesystems(host).under(snapshot), settings.collector_labels or ()
    page = render_textfile(
        snapshot,
        filesystems,
        labels,
        settings.limits_file or Limits(),
        engine_up=inventory.status.up,
        restricted=sandbox.stands,
    )
    _write(options.path, page)
    return 0


def command_parser() -> argparse.ArgumentParser:
    """The options of `textfile`."""
    options = parser(
        "textfile",
        "Measure once, within --scan.duty, and write the metrics for node_exporter's textfile collector.",
        _READS,
        takes="PATH",
    )
    options.add_argument("path", metavar="PATH", help=f"file to replace, its name ends in {_SUFFIX}; - for stdout")
    return options


def _check(path: str) -> None:
    """Say before anything is measured that this could never be written, or never be read. Raises SettingError."""
    folder, name = os.path.split(os.path.abspath(path))
    if not name.endswith(_SUFFIX):
        raise SettingError(f"{path!r} does not end in {_SUFFIX}: node_exporter reads no other file")
    if os.path.isdir(path) and not os.path.islink(path):
        raise SettingError(f"{path!r} is a directory: name a file in it")
    try:
        os.listdir(folder)
    except OSError as error:
        raise SettingError(
            f"{path!r}: folder {folder}: {error.strerror}; name the one that node_exporter has"
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        raise SettingError(f"{path!r}: no file can be made in {folder} by uid {os.geteuid()}")


def _refuse_data_root(path: str, listed: Inventory, host: Host) -> None:
    if path != _STDOUT and (root := storage_root_of(path, listed.roots, host)):
        raise SettingError(f"{path!r} lies in the {root}, where nothing is written: choose another place")


def _sandbox(settings: Settings, path: str) -> Sandbox:
    """From now on only the file's folder can be written to, where the kernel has Landlock. Raises SettingError."""
    target = None if path == _STDOUT else os.path.abspath(path)
    return restrict_process(settings.security_landlock, read_rights(), target, settings.docker_host)


def _write(path: str, page: Iterator[bytes]) -> None:
    if path == _STDOUT:
        sys.stdout.buffer.writelines(page)
        sys.stdout.buffer.flush()
        return
    try:
        replace_file(path, page, _MODE)
    except OSError as error:
        raise ExporterError(f"cannot write {path}: {error.strerror}; what was there before stays as it was") from error


def _end(number: int, _frame: object) -> None:
    """End at once and in order: not with 0, since what was asked for was not done."""
    sys.exit(128 + number)
