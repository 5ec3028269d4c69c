"""The C core without Python: under sanitizers, starved of memory, fuzzed, and built by other compilers."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from docker_storage_exporter.sizer import Root, walk
from sizer import trees
from sizer.conftest import opened, unavailable
from sizer.test_changes import meanwhile

SOURCES = Path(walk.__file__).parent
NATIVE = Path(__file__).parent / "native"
CORE = sorted(path for path in SOURCES.glob("*.c") if path.name != "_walk.c")
STRICT = ["-std=c11", "-g", "-O1", "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror", "-pthread", "-I", SOURCES]
WRAPPED = ["-Wl," + ",".join(f"--wrap={name}" for name in ("malloc", "calloc", "realloc", "posix_memalign"))]
SANITIZERS = {
    "addresses and undefined behaviour": ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    "threads": ["-fsanitize=thread"],
}
SECONDS = os.environ.get("FUZZ_SECONDS", "2")


def need(tool):
    path = shutil.which(tool)
    if path is None:
        unavailable(f"{tool} is not installed")
    return path


def build(compiler, output, sources, *flags):
    subprocess.run([need(compiler), *STRICT, *flags, *sources, "-o", output], check=True)
    return output


@pytest.fixture(scope="module", params=SANITIZERS)
def drive(request, tmp_path_factory):
    """Runs the driver under a sanitizer; returns what it says, or raises with what the sanitizer says."""
    program = tmp_path_factory.mktemp("native") / "drive"
    build("gcc", program, [*CORE, NATIVE / "drive.c"], *SANITIZERS[request.param], *WRAPPED)

    def run(path, *mountpoints, threads=1, rounds=3, mode="same"):
        # without address randomisation: gcc's thread sanitizer cannot place its shadow among today's random addresses
        command = [need("setarch"), "-R", program, str(threads), str(rounds), mode, str(path), *mountpoints]
        environment = {**os.environ, "TSAN_OPTIONS": "halt_on_error=1", "ASAN_OPTIONS": "detect_leaks=1"}
        answer = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        assert answer.returncode == 0, answer.stderr
        return [int(number) for number in answer.stdout.split()]

    return run


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    path = tmp_path_factory.mktemp("shapes")
    trees.chain(path / "chain", 600)
    trees.comb(path / "comb", 300, 3)
    trees.flat(path / "flat", 9000)
    trees.linked(path / "linked", 1500, 3)
    trees.bush(path / "bush")
    yield path
    trees.remove(path)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("shape", ["chain", "comb", "flat", "linked", "bush", "."])
def test_every_shape_is_measured_cleanly(drive, shapes, shape, threads):
    answer = drive(shapes / shape, threads=threads)

    with opened(shapes / shape) as descriptor:
        usage = walk.measure([Root(descriptor)])[0]
    assert answer == [usage.allocated_bytes, usage.apparent_bytes, usage.inodes, usage.entries, 0]


def test_mount_points_are_left_out_cleanly(drive, shapes):
    answer = drive(shapes, "bush", "comb/m/m/m", "flat/directory-0001000", threads=3)

    with opened(shapes) as descriptor:
        usage = walk.measure([Root(descriptor, ["bush", "comb/m/m/m", "flat/directory-0001000"])])[0]
    assert answer == [usage.allocated_bytes, usage.apparent_bytes, usage.inodes, usage.entries, 0]


@pytest.mark.parametrize("threads", [1, 3])
def test_a_changing_tree_is_measured_cleanly(drive, tree, threads):
    trees.comb(tree / "inside", 100)

    def change():
        trees.bush(tree / "bush", directories=10, files=2)
        (tree / "inside").rename(tree / "bush" / "d1" / "moved")
        (tree / "bush" / "d1" / "moved").rename(tree / "inside")
        trees.remove(tree / "bush")

    with meanwhile(change):
        drive(tree, threads=threads, rounds=60, mode="changing")


@pytest.mark.parametrize("threads", [1, 3])
def test_a_stopped_walk_leaves_nothing_behind(drive, shapes, threads):
    drive(shapes, threads=threads, rounds=40, mode="stopped")


@pytest.mark.parametrize("threads", [1, 2])
def test_whichever_allocation_fails_the_walk_ends_with_no_memory_and_leaves_nothing_behind(drive, tree, threads):
    trees.comb(tree / "comb", 25, 3)
    trees.linked(tree / "linked", 60, 2)

    drive(tree, threads=threads, rounds=2000, mode="starved")


@pytest.mark.parametrize("compiler", ["gcc", "clang", "musl-gcc"])
def test_the_core_builds_without_a_warning_and_measures(compiler, tmp_path, shapes):
    program = build(compiler, tmp_path / "drive", [*CORE, NATIVE / "drive.c"], "-O2", *WRAPPED)

    answer = subprocess.run([program, "2", "3", "same", shapes], check=True, capture_output=True, text=True)

    with opened(shapes) as descriptor:
        assert walk.measure([Root(descriptor)])[0].inodes == int(answer.stdout.split()[2])


def test_the_core_builds_for_arm64_without_a_warning(tmp_path):
    for source in CORE:
        build("aarch64-linux-gnu-gcc", tmp_path / source.stem, [source], "-O2", "-c")


@pytest.mark.parametrize("sanitizer", SANITIZERS)
def test_the_inode_set_is_a_set_and_is_small(tmp_path, sanitizer):
    program = build(
        "gcc", tmp_path / "set", [SOURCES / "inodeset.c", NATIVE / "test_inodeset.c"], *SANITIZERS[sanitizer]
    )

    answer = subprocess.run(["setarch", "-R", program], check=True, capture_output=True, text=True)

    assert answer.stdout == "ok\n"


@pytest.mark.parametrize(("target", "sources"), [("fuzz_inodeset", [SOURCES / "inodeset.c"]), ("fuzz_walk", CORE)])
def test_fuzzing_finds_nothing(tmp_path, memory, target, sources):
    fuzz = "-fsanitize=fuzzer,address,undefined"
    program = build("clang", tmp_path / target, [*sources, NATIVE / f"{target}.c"], fuzz, "-fno-sanitize-recover=all")
    answer = subprocess.run(
        [program, f"-max_total_time={SECONDS}", "-max_len=1024", "-verbosity=0", f"-artifact_prefix={tmp_path}/"],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "SCRATCH": str(memory)},
    )

    assert answer.returncode == 0, answer.stderr
