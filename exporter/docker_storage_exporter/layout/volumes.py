"""Where a volume's bytes are: a plain folder, a folder somewhere else, or a filesystem of its own."""

from __future__ import annotations

from collections.abc import Mapping

from docker_storage_exporter.hostfs import MountTable, Source
from docker_storage_exporter.layout.binds import bind_place
from docker_storage_exporter.model import Method, Place, Skip, Tree, Unmeasured, Volume


def volume_place(volume: Volume, root: str, rootfs: str, mounts: MountTable, sources: Mapping[str, Source]) -> Place:
    """The place of a volume of whatever driver and options.

    A plain volume, with or without a quota, is the folder `volumes/NAME/_data` (local driver). A volume that is a bind
    is the folder it was given, in use or not. One with a filesystem of its own has it mounted only while in use;
    walking it would keep the engine from unmounting it, so its filesystem is asked. What another machine serves is not
    touched, and the folders of other drivers are theirs.
    """
    if volume.driver != "local":
        return Place(skip=Skip.DRIVER)
    if volume.filesystem == "bind":
        source = sources.get(volume.device)
        return bind_place(source, root) if source else Place(unmeasured=Unmeasured.VANISHED)
    path = f"{root}/volumes/{volume.name}/_data"
    mounted = mounts.at(rootfs + path)
    if mounted is not None and mounted.remote:
        return Place(skip=Skip.REMOTE)
    if not volume.filesystem:
        return Place(Tree(Method.WALK, path))
    return Place(skip=Skip.NOT_MOUNTED) if mounted is None else Place(Tree(Method.FILESYSTEM, path))
