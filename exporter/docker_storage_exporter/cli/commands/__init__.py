"""The commands, one file each, with `run(arguments)` that gives the exit code."""
