"""`du --depth`: lines that add up, level by level."""

import json
import os
import subprocess

import pytest
from conftest import need


@pytest.fixture
def tree(tmp_path):
    """Two levels, with a file that has names in two directories."""
    root = tmp_path / "tree"
    (root / "a/deep").mkdir(parents=True)
    (root / "b").mkdir()
    (root / "a/deep/data").write_bytes(b"x" * 100_000)
    (root / "b/data").write_bytes(b"x" * 300_000)
    os.link(root / "a/deep/data", root / "b/again")
    return root


def test_the_lines_above_a_directory_add_up_to_it(run, tree):
    done = run("du", "--depth=1", str(tree))

    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [line[3:] for line in lines] == [
        [f"{tree}/b"],
        [f"{tree}/a"],
        [str(tree), "(directly in it)"],
        [str(tree)],
    ]
    for column in range(3):
        *parts, whole = (int(line[column]) for line in lines)
        assert sum(parts) == whole


def test_json_nests_the_directories_which_add_up(run, tree):
    need("du")
    (top,) = json.loads(run("du", "--depth=2", "--format=json", str(tree)).stdout)

    by_name = {found["path"]: found for found in top["directories"]}
    assert [found["path"] for found in by_name[f"{tree}/a"]["directories"]] == [f"{tree}/a/deep"]
    assert "directories" not in by_name[f"{tree}/b"]
    for number in ("allocated_bytes", "apparent_bytes", "inodes"):
        assert top["directly"][number] + sum(found[number] for found in by_name.values()) == top[number]
    for path, found in {str(tree): top, f"{tree}/a": by_name[f"{tree}/a"]}.items():
        said = subprocess.run(["du", "-sx", "-B1", path], capture_output=True, check=True).stdout
        assert found["allocated_bytes"] == int(said.split()[0])


def test_a_file_with_names_in_two_directories_counts_in_one_of_them(run, tree):
    (top,) = json.loads(run("du", "--depth=1", "--format=json", str(tree)).stdout)

    sizes = sorted(found["apparent_bytes"] for found in top["directories"])
    assert sizes in ([0, 400_000], [100_000, 300_000])
    assert top["apparent_bytes"] == 400_000


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (("--sort=name",), ["a/deep", "a", "a", "b"]),
        (("--sort=apparent", "--top=1"), ["b"]),
        (("--sort=inodes", "--top=2"), ["a", "a/deep"]),
        (("--top=9", "--sort=name"), ["a", "a/deep", "b"]),
    ],
)
def test_order_and_number_of_directories_can_be_chosen(run, tree, options, names):
    os.unlink(tree / "b/again")  # whose bytes these are would be chance

    lines = run("du", "--depth=2", *options, str(tree)).stdout.splitlines()

    paths = [line.split("\t")[3].removeprefix(f"{tree}/") for line in lines]
    assert [path for path in paths if path != str(tree)] == names
    assert paths[-1] == str(tree)


def test_sizes_for_people_have_units_as_with_du(run, tree):
    done = run("du", "-h", str(tree / "b/data"))

    assert done.stdout == f"296.0 KiB\t293.0 KiB\t1\t{tree}/b/data\n"


@pytest.mark.parametrize("depth", ["-1", "x", "33", "1.5"])
def test_a_depth_that_is_none_is_refused(run, tree, depth):
    done = run("du", f"--depth={depth}", str(tree))

    assert done.returncode == 2
    assert f"{depth!r} is not a whole number from 0 to 32" in done.stderr
