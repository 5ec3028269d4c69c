"""`health`: the probe of a container runtime. Whether the exporter beside it answers, and nothing else.

A runtime asks every minute for ever, so nothing is imported here that the question does not need.
"""

from __future__ import annotations

import argparse
import http.client
from collections.abc import Sequence
from contextlib import closing

from docker_storage_exporter.cli.options import parser, settings_from
from docker_storage_exporter.client.reach import PRODUCT, exporter_address, plain_connection
from docker_storage_exporter.errors import NoAnswerError
from docker_storage_exporter.settings import Settings

_HEALTH_PATH = "/-/healthy"


def run(arguments: Sequence[str]) -> int:
    """Say in one line that the exporter answers. Raises NoAnswerError."""
    settings = settings_from(command_parser().parse_args(arguments))
    alive(settings)
    print(f"the exporter at {exporter_address(settings)} answers")
    return 0


def command_parser() -> argparse.ArgumentParser:
    """The options of `health`: every setting, for it has to be told where to ask just as `serve` where to listen."""
    return parser("health", "Ask the exporter that runs here whether it answers: exit code 0 if it does, else 1.")


def alive(settings: Settings) -> None:
    """Return when an exporter answers at the configured address, whether it has numbers yet or not.

    It takes no password, certificate or web configuration: that a request without them is refused in the exporter's
    own words, also the one without TLS, shows that it is alive. Raises NoAnswerError, which says what is there instead.
    """
    address = exporter_address(settings)
    try:
        with closing(plain_connection(settings)) as connection:
            connection.request("GET", _HEALTH_PATH)
            answer = connection.getresponse()
    except OSError as error:
        raise NoAnswerError(f"no exporter answers at {address}: {error.strerror or error}") from error
    except http.client.HTTPException as error:
        raise NoAnswerError(f"what listens at {address} is no exporter") from error
    if answer.getheader("Server") != PRODUCT:
        raise NoAnswerError(f"what listens at {address} is no exporter")
    if answer.status >= http.client.INTERNAL_SERVER_ERROR:
        raise NoAnswerError(f"the exporter at {address} answers {answer.status} to {_HEALTH_PATH}")
