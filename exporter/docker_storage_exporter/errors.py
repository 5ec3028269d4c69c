"""The errors that reach a user, each with its exit code.

ExporterError                 1  anything that ends a command with one clear line
+-- SettingError              2  a flag, environment variable or path that cannot be used as given
+-- NothingToMeasureError     3  neither an engine nor a data root was found
+-- AccessError               4  the engine or the data root is there, but this process may not use it
+-- ListenError               5  the address to serve on is taken or not ours
+-- NoAnswerError             1  no exporter on this host gave a listing
+-- EngineError               6  the engine answers, but not with anything that can be used
    +-- EngineRefusalError       it answers that it cannot do what was asked
    +-- EngineUnreachableError   there is no engine: nothing listens at its address

128 + N is used for signals: 130 after Ctrl-C. A traceback is always a defect.
"""

from __future__ import annotations


class ExporterError(Exception):
    """One line for the user: what happened, on what, what to try."""

    exit_code = 1


class SettingError(ExporterError):
    """A setting that cannot be used as given."""

    exit_code = 2


class NothingToMeasureError(ExporterError):
    """Neither an engine nor a data root was found."""

    exit_code = 3


class AccessError(ExporterError):
    """What is needed exists, but this process lacks the rights."""

    exit_code = 4


class ListenError(ExporterError):
    """The address cannot be listened on."""

    exit_code = 5


class NoAnswerError(ExporterError):
    """No exporter on this host gave a listing."""


class EngineError(ExporterError):
    """The engine gave no usable answer."""

    exit_code = 6


class EngineRefusalError(EngineError):
    """The engine answered with an error of its own."""


class EngineUnreachableError(EngineError):
    """There is no engine: nothing listens at its address."""
