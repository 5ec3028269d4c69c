"""The published list of requests."""

import pytest

from docker_storage_exporter.inventory.endpoints import ENDPOINTS, allowed

CONTAINER = "0123456789abcdef" * 4


@pytest.mark.parametrize("path", [*ENDPOINTS, f"/containers/{CONTAINER}/json"])
def test_the_list_is_allowed_with_and_without_a_version(path):
    path = path.replace("<id>", CONTAINER)

    assert allowed("GET", path)
    assert allowed("GET", "/v1.41" + path)


@pytest.mark.parametrize(
    "path",
    [
        "/system/df",
        "/images/json",
        "/containers/json/../../system/df",
        f"/containers/{CONTAINER}/archive",
        f"/containers/{CONTAINER}/logs",
        f"/containers/{CONTAINER}/export",
        "/containers/short/json",
        "/v1.41/v1.41/info",
        "/",
    ],
)
def test_everything_else_is_refused(path):
    assert not allowed("GET", path)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
def test_only_get_is_allowed(method):
    assert not allowed(method, "/info")


@pytest.mark.parametrize("query", ["size=1", "all=1&size=true", "size=1&limit=-1"])
def test_nothing_that_makes_the_engine_walk(query):
    assert not allowed("GET", "/containers/json", query)


def test_saying_that_no_sizes_are_wanted_is_fine():
    assert allowed("GET", "/containers/json", "limit=-1&all=1&size=0&trunc_cmd=0")
