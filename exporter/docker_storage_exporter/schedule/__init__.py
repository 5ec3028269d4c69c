"""Decides what is measured next and how fast, keeps the results, and hands each new snapshot on.

`Scheduler` is the living program; `measure_everything` is the same work done once, for a command that waits for it.
Whatever may hang is a job of a `Crew`.
"""
