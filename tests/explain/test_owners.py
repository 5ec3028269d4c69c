"""Owners: the object that somebody means by a name, and the one that a path is in."""

import pytest

from docker_storage_exporter.model.keys import Kind
from explain.conftest import JOB, ROOT, WEB


@pytest.mark.parametrize(("name", "found"), [("web", "web"), (WEB, "web"), ("aaaa", "web"), ("abcc", "job")])
def test_a_container_goes_by_its_name_its_id_or_a_beginning_that_no_other_has(made, name, found):
    assert made.owners.container(name).name == found


@pytest.mark.parametrize("name", ["we", "aaa", "a", "bbbb", ""])
def test_a_beginning_that_is_short_or_no_container_s_is_none(made, name):
    assert made.owners.container(name) is None


def test_a_volume_knows_who_mounts_it_each_once(made):
    volume = made.owners.volume("data")

    assert [(user.container.name, user.mount.access) for user in volume.users] == [("web", "rw"), ("job", "ro")]
    assert [container.id for container in volume.containers] == [WEB, JOB]
    assert made.owners.volume("nothing") is None


def test_a_name_that_is_none_brings_those_that_look_like_it(made):
    assert made.owners.similar("dada") == ["data"]
    assert made.owners.similar("zzz") == []


@pytest.mark.parametrize(
    ("path", "kind", "name", "inside"),
    [
        (f"{ROOT}/volumes/data/_data", Kind.VOLUME, "data", ""),
        (f"{ROOT}/volumes/data/_data/base/1", Kind.VOLUME, "data", "base/1"),
        ("/srv/data/sub", Kind.VOLUME, "folder", "sub"),
        (f"{ROOT}/overlay2/web-layer/diff/etc", Kind.LAYER, "web", "etc"),
        (f"{ROOT}/containers/{WEB}/{WEB}-json.log.1", Kind.LOG, "web", f"{WEB}-json.log.1"),
        ("/srv/site/index.html", Kind.BIND, "/srv/site", "index.html"),
    ],
)
def test_a_path_is_in_the_object_with_the_nearest_root(made, path, kind, name, inside):
    owner = made.owners.at(path)

    assert (owner.kind, owner.name, owner.inside) == (kind, name, inside)


@pytest.mark.parametrize(
    "path",
    [
        f"{ROOT}/containers/{WEB}/config.v2.json",
        f"{ROOT}/volumes/data",
        f"{ROOT}/volumes/database/_data",
        f"{ROOT}/overlay2/web-layer",
        "/srv",
        "/srv/site-2",
        "/",
    ],
)
def test_what_is_beside_or_above_every_object_is_nobody_s(made, path):
    assert made.owners.at(path) is None


def test_what_a_path_holds_is_counted_by_kind(made):
    assert made.owners.below("/srv") == {Kind.VOLUME: 1, Kind.BIND: 1}
    assert made.owners.below(f"{ROOT}/overlay2") == {Kind.LAYER: 2}
    assert made.owners.below(f"{ROOT}/volumes/data/_data") == {}


def test_the_second_container_of_a_name_goes_by_what_df_shows(made):
    assert made.owners.container(f"job~{JOB[:12]}").name == "job"
    assert made.owners.container("job~ffff") is None


def test_a_tmpfs_mount_goes_by_what_df_shows(made):
    assert made.owners.tmpfs("web:/run").container.name == "web"
    assert made.owners.tmpfs("web:/srv") is None


def test_what_goes_with_a_container_is_its_folder_and_its_layer(made):
    (web, _) = made.inventory.containers

    assert made.owners.folder(web) == f"{ROOT}/containers/{WEB}"
    assert made.owners.layer(web).place.source.path == f"{ROOT}/overlay2/web-layer/diff"
