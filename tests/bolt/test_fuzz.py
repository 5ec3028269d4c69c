"""A sample of the broken databases that `make fuzz-bolt` reads."""

from bolt.fuzz import fuzz


def test_every_broken_database_is_answered_or_refused(tmp_path):
    answered, refused = fuzz(tmp_path, 3000)

    assert answered > 1000
    assert refused > 1000
