"""Every threshold, window and selector of the rules, each with its reason: the one place to change them.

Sizes are in bytes, shares in 0 to 1. Everything that is a `Duration` is multiplied by `Settings.scaled`, so that a test
can live through a day in two minutes with the rules as they are shipped.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

GIB = 1024**3
_SHORTEST = 0.25
"""Seconds below which a scaled duration does not go: no server evaluates or scrapes more often."""


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time, printed as Prometheus writes it."""

    seconds: float

    def __str__(self) -> str:
        for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
            if self.seconds >= length and self.seconds % length == 0:
                return f"{self.seconds // length:.0f}{unit}"
        return f"{self.seconds * 1000:.0f}ms"

    def __mul__(self, factor: float) -> Duration:
        return Duration(max(self.seconds * factor, _SHORTEST))

    @property
    def words(self) -> str:
        """The duration in the words of an alert's text."""
        for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
            if self.seconds >= length and self.seconds % length == 0:
                number = self.seconds / length
                return f"{number:.0f} {unit}{'' if number == 1 else 's'}"
        return f"{self.seconds:g} seconds"

    @property
    def past(self) -> str:
        """The words after "the last": `hour`, `6 hours`."""
        return self.words.removeprefix("1 ")


def minutes(number: float) -> Duration:
    return Duration(number * 60)


def hours(number: float) -> Duration:
    return Duration(number * 3600)


def days(number: float) -> Duration:
    return Duration(number * 86400)


@dataclass(frozen=True)
class Settings:
    """What the rules are built with."""

    # Where the rules look, and where their links lead.
    selector: str = ""  # matchers added to every selector, such as env="prod"; empty: every exporter there is
    exporter_job: str = 'job=~".*docker-storage-exporter.*"'  # whose `up` counts: the job's usual name, any prefix
    runbook_prefix: str = ""  # put before docs/runbooks/NAME.md: a repository's address, a wiki's, or nothing
    grafana_prefix: str = ""  # put before /d/UID: Grafana's address, or nothing for a link below the same host

    # How often rules are evaluated.
    interval: Duration = minutes(1)  # sizes are measured every 5 minutes by default: 1 minute loses nothing
    slow_interval: Duration = minutes(4)  # day windows read a lot; below 5 minutes, or a query finds no sample
    alert_slow_interval: Duration = minutes(15)  # a week's history is read; nothing about it changes in minutes

    # Growth.
    hour: Duration = hours(1)  # short enough to warn the same hour, long enough for a dozen measurements
    day: Duration = days(1)  # evens out the daily cycle of backups and rotations
    measurements: int = 3  # new measurements inside a window; a line through fewer than that is a guess
    still: Duration = minutes(20)  # growth that ended is history: four measurements at the default interval

    # The filesystem under the data root. A prediction alone is noise on a nearly empty disk, so both conditions
    # have to hold; and 6 hours of history, so that a build or an image pull does not bend the line.
    trend: Duration = hours(6)
    fill_warning_horizon: Duration = hours(24)  # leaves a working day
    fill_critical_horizon: Duration = hours(4)  # leaves time to get up and act
    fill_warning_avail: float = 0.40  # above that much free space nobody needs to hear of a line on a chart
    fill_critical_avail: float = 0.20
    fill_for: Duration = hours(1)  # one image pull takes minutes
    full_warning_avail: float = 0.10  # engines start to fail pulls and builds about here
    full_critical_avail: float = 0.05  # ext4 keeps 5 % for root: below that, containers meet ENOSPC
    full_for: Duration = minutes(30)  # a pull may use the room for its layers twice, for a while

    unattributed_share: float = 0.02  # of a filesystem in an hour: half of it would be gone within a day
    unattributed_floor: int = 1 * GIB  # an hour's logs and package upgrades of the host itself
    unattributed_for: Duration = minutes(30)  # an image pull and a build take less

    # Volumes.
    volume_horizon: Duration = hours(8)  # a night's sleep
    volume_for: Duration = minutes(40)  # twice `still`: a restore that ended in between does not wake anyone
    abnormal_factor: float = 3.0  # times the fastest day of the past week; below that it is the same habit
    abnormal_floor: int = 2 * GIB  # per day: a small volume may triple its growth and still mean nothing
    abnormal_history: Duration = days(7)  # one of each weekday, so that a weekly backup is no surprise
    abnormal_for: Duration = hours(1)
    limit_share: float = 0.90  # of a quota or of a volume's own filesystem: beyond it, writes fail soon
    limit_for: Duration = minutes(15)  # longer than a temporary file lives
    dangling_share: float = 0.10  # of the filesystem: what deleting them would really win
    dangling_for: Duration = days(1)  # volumes dangle for a while in every deployment

    # Containers.
    layer_floor: int = 1 * GIB  # per day, and already in the layer: less is caches and pid files
    layer_still: Duration = hours(6)  # and it grew in a quarter of a day: a job that once unpacked something is done
    layer_for: Duration = hours(1)
    log_floor: int = 1 * GIB  # a log without limit is harmless until it is large
    log_for: Duration = minutes(15)
    tmpfs_share: float = 0.90  # of its size: beyond it, writes fail, and it is memory
    tmpfs_for: Duration = minutes(10)

    # The exporter itself.
    stale_after: Duration = hours(3)  # 36 times the default interval: no budget makes a tree wait that long
    stale_for: Duration = minutes(15)
    failing_window: Duration = hours(1)
    failing_for: Duration = minutes(90)  # longer than the window, so that one failure is none
    harmless_reasons: str = (
        "vanished|unsupported_driver"  # removed while measured; or known, and documented, on day one
    )
    known_reasons: str = "unsupported_driver"  # documented, and nothing that anybody can change today
    partial_for: Duration = hours(6)  # nobody gets up for it, but such sizes are too small and never warn of growth
    inventory_after: Duration = minutes(15)  # 15 times the default interval
    inventory_for: Duration = minutes(5)
    engine_for: Duration = minutes(5)  # an upgrade of the engine takes less
    exporter_for: Duration = minutes(10)  # ten missed scrapes; a reboot takes less

    # Against flapping: an alert stays for so long after its condition was last true.
    keep: Duration = minutes(15)  # three measurements at the default interval

    def scaled(self, factor: float) -> Settings:
        """The same rules in a world where time runs faster: every duration multiplied by `factor`."""
        durations = {f.name: getattr(self, f.name) for f in fields(self) if isinstance(getattr(self, f.name), Duration)}
        return replace(self, **{name: value * factor for name, value in durations.items()})
