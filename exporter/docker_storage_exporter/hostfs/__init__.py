"""The host as this process sees it: paths below `--path.rootfs`, mounts, filesystems, processes. Nothing is written."""
