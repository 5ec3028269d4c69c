"""History: how fast an object grows, from a bounded number of points of one lineage."""

import pytest

from docker_storage_exporter.layout import volume_key
from docker_storage_exporter.measure import Statfs, Walk
from docker_storage_exporter.model.sizes import Identity, Size
from docker_storage_exporter.schedule.history import History
from pages import measured, page_of, volume_row

WALK, SAME = Walk(("/x",)), Identity(1, 1)


def noted(*points, history=None, source=WALK, identity=SAME, start=0.0):
    """A history that saw a volume at these times with these bytes."""
    history = history or History()
    for at, size in points:
        sized = measured(source, Size(size), at, identity, start)
        history.note(page_of(volume_row("v", sized), at=at))
    return history


def rates(history):
    """Bytes per second, bytes per hour and the seconds that these are from."""
    growth = history.growth()[volume_key("v")]
    return growth.per_second, growth.per_hour, growth.seconds


def test_one_measurement_says_nothing_of_growth():
    assert noted((100, 5)).growth() == {}
    assert noted((100, 5), (100, 5)).growth() == {}


def test_per_second_is_from_the_last_two_and_per_hour_from_all():
    assert rates(noted((0, 0), (100, 1000), (110, 2000))) == (100.0, 2000 / 110 * 3600, 110.0)


def test_what_shrinks_grows_by_less_than_nothing():
    assert rates(noted((0, 1000), (10, 500)))[0] == -50.0


def test_what_is_more_than_an_hour_old_is_forgotten_but_for_the_last_point_before_it():
    points = [(at, at * 10) for at in range(0, 3600 * 5, 600)]
    jump = noted((-1000, 10**9), *points)

    per_second, per_hour, seconds = rates(jump)

    assert (per_second, per_hour) == (10.0, 36000.0)
    assert 3600 <= seconds < 3600 + 1200


def test_however_often_it_is_measured_few_points_are_kept_and_they_span_the_hour():
    history = noted(*((at, at) for at in range(0, 3000, 2)))

    (past,) = history._pasts.values()

    assert len(past.points) == 16
    assert past.points[0] == 0
    assert list(past.points[-4:]) == [2996, 2996, 2998, 2998]
    gaps = [later - earlier for earlier, later in zip(past.points[::2], past.points[2::2], strict=False)]
    assert max(gaps) < 1600


@pytest.mark.parametrize(
    "changes",
    [
        {"identity": Identity(1, 2), "start": 20.0},  # another directory of the same name
        {"identity": Identity(1, 1, born=9), "start": 20.0},  # made again, with the inode of the one before
        {"source": Statfs("/x"), "start": 20.0},  # measured in another way
        {"start": 20.0},  # destroyed and made again on a filesystem without birth times
    ],
)
def test_numbers_that_cannot_be_compared_start_anew(changes):
    history = noted((0, 10**9), (10, 10**9))

    noted((20, 5), history=history, **changes)

    assert history.growth() == {}


def test_what_left_the_page_is_forgotten():
    history = noted((0, 0), (1, 1))

    history.note(page_of(at=2.0))

    assert history.growth() == {}
    assert history._pasts == {}
