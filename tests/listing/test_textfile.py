"""The page for the textfile collector: what /metrics says, in its words, and nothing that only lives."""

import subprocess

import pytest
from conftest import need
from prometheus_client.parser import text_string_to_metric_families as parse

from docker_storage_exporter.collector.catalogue import LIVE_FAMILIES, OBJECT_FAMILIES
from docker_storage_exporter.listing.document import FilesystemRow
from docker_storage_exporter.listing.textfile import NOT_IN_TEXTFILE, render_textfile
from docker_storage_exporter.model.objects import Engine, Inventory, Volume
from pages import page_of, volume_row, walked

AT = 1_760_000_000.25
FILESYSTEM = FilesystemRow("/var", 1000, 600, 300, 50, 20)


@pytest.fixture
def page():
    """The page of a host with one volume with an odd name, and of its filesystem."""
    volume = Volume('odd"\n\\', labels={"team": "core"})
    row = volume_row(volume.name, walked("/v", 8192, at=AT), volume)
    snapshot = page_of(row, inventory=Inventory(Engine("docker"), at=AT + 1), at=AT + 2)
    return b"".join(render_textfile(snapshot, [FILESYSTEM], ("team",), engine_up=True, restricted=True)).decode()


@pytest.fixture
def families(page):
    """Families by name."""
    return {family.name: family for family in parse(page)}


def test_numbers_times_and_labels_are_those_of_the_snapshot(families):
    def samples(name):
        return [(sample.labels, sample.value) for sample in families[name].samples]

    assert samples("docker_volume_allocated_bytes") == [({"volume": 'odd"\n\\'}, 8192)]
    assert samples("docker_volume_measured_timestamp_seconds") == [({"volume": 'odd"\n\\'}, AT)]
    assert samples("docker_volume_info")[0][0]["label_team"] == "core"
    assert samples("docker_storage_filesystem_avail_bytes") == [({"mountpoint": "/var"}, 300)]
    assert samples("docker_engine_up") == [({"engine": "docker"}, 1)]
    assert samples("docker_storage_exporter_last_inventory_timestamp_seconds") == [({}, AT + 1)]
    assert samples("docker_storage_exporter_snapshot_timestamp_seconds") == [({}, AT + 2)]


def test_each_family_is_the_catalogue_s_with_its_help(families):
    known = {family.base: (family.help, family.type) for family in (*OBJECT_FAMILIES, *LIVE_FAMILIES)}

    assert {name: (family.documentation, family.type) for name, family in families.items()} == {
        name: known[name] for name in families
    }


def test_every_live_family_is_either_on_it_or_left_out_by_name(families):
    left_out = {family.base for family in NOT_IN_TEXTFILE}

    assert {family.base for family in LIVE_FAMILIES} - left_out == {
        family.base for family in LIVE_FAMILIES if family.base in families
    }
    assert not left_out & families.keys()


def test_nothing_counts_from_a_start_and_nothing_is_the_process_s_own(families):
    """A counter would start again with every run, and node_exporter has process_ and python_ families or may have."""
    assert {family.type for family in families.values()} == {"gauge"}
    assert all(name.startswith("docker_") for name in families)


def test_no_sample_carries_a_time(page):
    assert all(sample.timestamp is None for family in parse(page) for sample in family.samples)


def test_promtool_finds_nothing_to_say(page):
    need("promtool")
    done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
