"""Errors: the exit codes are a promise to scripts, and the docstring is where users of the code read them."""

import re

from docker_storage_exporter import errors


def _every(base):
    return [base, *(deeper for error in base.__subclasses__() for deeper in _every(error))]


def test_the_tree_in_the_docstring_lists_every_error_with_its_exit_code():
    drawn = dict(re.findall(r"^[+| -]*(\w+Error) +(\d?)", errors.__doc__, re.MULTILINE))

    assert set(drawn) == {error.__name__ for error in _every(errors.ExporterError)}
    for error in _every(errors.ExporterError):
        assert drawn[error.__name__] in ("", str(error.exit_code))


def test_the_exit_codes_stay_what_they_are():
    codes = {error.__name__: error.exit_code for error in _every(errors.ExporterError)}

    assert codes == {
        "ExporterError": 1,
        "SettingError": 2,
        "NothingToMeasureError": 3,
        "AccessError": 4,
        "ListenError": 5,
        "NoAnswerError": 1,
        "EngineError": 6,
        "EngineRefusalError": 6,
        "EngineUnreachableError": 6,
    }
