"""containerd's image store, Docker's default from 29 on: layers of snapshotters, and content that is kept beside them.

Everything is in containerd's own root, also while no daemon runs.
"""

from docker_storage_exporter.storage.containerd.store import ContainerdStore

DRIVER = ContainerdStore()
