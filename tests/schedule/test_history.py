"""History: how fast a tree grows, from a bounded number of points."""

from docker_storage_exporter.model import Engine, Inventory, Measurement, Method, Place, Sized, Snapshot, Tree, Volume
from docker_storage_exporter.model import VolumeRow as Row
from docker_storage_exporter.schedule.history import History
from docker_storage_exporter.sizer import Usage

TREE = Tree(Method.WALK, "/x")


def noted(*points, tree=TREE, history=None, identity=(1, 1)):
    """A history that saw a volume at these times with these bytes."""
    history = history or History()
    for at, size in points:
        measurement = Measurement(Usage(allocated_bytes=size), at=at, identity=identity)
        row = Row("v", Volume("v"), Sized(Place(tree), measurement))
        history.note(Snapshot(Inventory(Engine()), at, volumes=(row,)))
    return history


def rates(history):
    """Bytes per second, bytes per hour and the seconds that these are from."""
    growth = history.growth()[TREE]
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


def test_another_directory_of_the_same_path_starts_anew():
    history = noted((0, 10**9), (10, 10**9))

    noted((20, 5), history=history, identity=(1, 2))

    assert history.growth() == {}


def test_what_left_the_page_is_forgotten():
    history = noted((0, 0), (1, 1))

    history.note(Snapshot(Inventory(Engine()), 2.0))

    assert history.growth() == {}
    assert history._pasts == {}
