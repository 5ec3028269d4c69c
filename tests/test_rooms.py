"""The walls between rooms as the interpreter meets them: what a room loads, directly or not."""

import subprocess
import sys

import pytest

PACKAGE = "docker_storage_exporter"


def loaded(module):
    """The modules in a fresh interpreter that has imported one."""
    code = f"import sys, {PACKAGE}.{module}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("module", "refused"),
    [
        ("collector.catalogue", {"docker", "prometheus_client", "psutil", f"{PACKAGE}.inventory.client"}),
        ("listing.document", {"docker", "prometheus_client", "psutil", f"{PACKAGE}.inventory.client"}),
        ("sizer", {"docker", "prometheus_client", "psutil", "yaml", f"{PACKAGE}.model", f"{PACKAGE}.settings"}),
        ("bolt", {"docker", "prometheus_client", "psutil", "yaml", f"{PACKAGE}.model", f"{PACKAGE}.sizer"}),
        ("httpd.server", {"docker", "prometheus_client", "psutil", f"{PACKAGE}.settings", f"{PACKAGE}.hostfs"}),
        ("confine.sandbox", {"docker", "prometheus_client", "psutil", f"{PACKAGE}.settings", f"{PACKAGE}.hostfs"}),
        (
            "cli.commands.health",
            {"docker", "prometheus_client", "psutil", "yaml", "http.client", "ssl", "logging"}
            | {f"{PACKAGE}.{room}" for room in ("model.objects", "hostfs.host", "listing.document", "explain.owners")},
        ),
        (
            "cli.commands.df",
            {"docker", "prometheus_client", "psutil", "yaml", "http.client", "ssl"}
            | {f"{PACKAGE}.{room}" for room in ("model.objects", "layout.plan", "schedule.once", "inventory.client")},
        ),
        ("hostfs.host", {"docker", "prometheus_client", "psutil", f"{PACKAGE}.settings", f"{PACKAGE}.confine"}),
    ],
)
def test_a_room_loads_nothing_that_it_must_not_know(module, refused):
    assert not loaded(module) & refused
