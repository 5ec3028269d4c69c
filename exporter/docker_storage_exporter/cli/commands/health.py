"""`health`: the probe of a container runtime. Whether the exporter beside it answers, and nothing else.

A runtime asks every minute for as long as the host runs, so this imports only what the question needs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from docker_storage_exporter.cli.options import parser, settings_from
from docker_storage_exporter.client.address import TIMEOUT_SECONDS, exporter_address, plain_connection
from docker_storage_exporter.client.exchange import exchange
from docker_storage_exporter.errors import NoAnswerError
from docker_storage_exporter.httpd import PRODUCT
from docker_storage_exporter.settings import Settings

_DESCRIPTION = "Ask the exporter that runs here whether it answers: exit code 0 if it does, else 1."
_READS = ("web.listen-address",)
_HEALTH_PATH = "/-/healthy"
_SERVER_ERROR = 500


def run(arguments: Sequence[str]) -> int:
    """Say in one line that the exporter answers. Raises NoAnswerError."""
    # An option that only other commands read is accepted: one list of them serves `serve` and its health check.
    options = command_parser() if arguments else parser("health", _DESCRIPTION, _READS, only=True)
    settings = settings_from(options.parse_args(arguments))
    alive(settings)
    print(f"the exporter at {exporter_address(settings)} answers")
    return 0


def command_parser() -> argparse.ArgumentParser:
    """The options of `health`: where to ask, which is where `serve` listens."""
    return parser("health", _DESCRIPTION, _READS)


def alive(settings: Settings) -> None:
    """Return when an exporter answers at the configured address, whether it has numbers yet or not.

    It takes no password, certificate or web configuration: that a request without them is refused in the exporter's
    own words, also the one without TLS, shows that it is alive. Raises NoAnswerError, which says what is there instead.
    """
    address = exporter_address(settings)
    try:
        with plain_connection(settings) as connection:
            answer = exchange(connection, _HEALTH_PATH, timeout=TIMEOUT_SECONDS, head_only=True)
    except OSError as error:
        raise NoAnswerError(f"no exporter answers at {address}: {error.strerror or error}") from error
    except ValueError as error:
        raise NoAnswerError(f"what listens at {address} is no exporter") from error
    if answer.headers.get("server") != PRODUCT:
        raise NoAnswerError(f"what listens at {address} is no exporter")
    if answer.status >= _SERVER_ERROR:
        raise NoAnswerError(f"the exporter at {address} answers {answer.status} to {_HEALTH_PATH}")
