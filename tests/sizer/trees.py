"""Builds trees of the shapes that walkers get wrong."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def file(path, length=1):
    """A file of so many bytes, all of them written."""
    path.write_bytes(b"x" * length)
    return path


def bush(path, directories=20, files=10):
    """Directories of files, two levels deep."""
    for i in range(directories):
        (path / f"d{i}" / "e").mkdir(parents=True)
        for j in range(files):
            file(path / f"d{i}" / f"f{j}", 5000 * j)
            file(path / f"d{i}" / "e" / f"g{j}", 7 * j)
    return path


def chain(path, depth):
    """Directories one in another, each with a file: far beyond PATH_MAX, so made relative to each other."""
    path.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(depth):
        _file_at(descriptor)
        descriptor = _step_into("nested", descriptor)
    os.close(descriptor)
    return path


def comb(path, levels, teeth=2):
    """At each level some directories, of which one goes on: every parent has to be returned to."""
    path.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    for level in range(levels):
        for tooth in range(teeth - 1):
            # names on both sides of the one that goes on, for filesystems that list in any order
            name = f"{'a' if (level + tooth) % 2 else 'z'}{tooth}"
            os.mkdir(name, dir_fd=descriptor)
            inner = os.open(name, os.O_RDONLY, dir_fd=descriptor)
            _file_at(inner)
            os.close(inner)
        descriptor = _step_into("m", descriptor)
    os.close(descriptor)
    return path


def flat(path, names):
    """One directory with so many empty files and now and then a subdirectory."""
    path.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    for i in range(names):
        if i % 1000:
            os.close(os.open(f"file-{i:07}", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=descriptor))
        else:
            os.mkdir(f"directory-{i:07}", dir_fd=descriptor)
    os.close(descriptor)
    return path


def linked(path, inodes, names_each):
    """Files with several names each, spread over as many directories."""
    for i in range(names_each):
        (path / str(i)).mkdir(parents=True)
    for i in range(inodes):
        first = path / "0" / str(i)
        first.touch()
        for j in range(1, names_each):
            os.link(first, path / str(j) / str(i))
    return path


def remove(path: Path):
    """Remove a tree of any depth, which shutil cannot before Python 3.13."""
    subprocess.run(["rm", "-rf", "--", str(path)], check=True)


def _step_into(name, parent):
    os.mkdir(name, dir_fd=parent)
    child = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=parent)
    os.close(parent)
    return child


def _file_at(directory):
    descriptor = os.open("file", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=directory)
    os.write(descriptor, b"x")
    os.close(descriptor)
