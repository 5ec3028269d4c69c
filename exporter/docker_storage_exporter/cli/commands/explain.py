"""`df --explain TARGET`: whose bytes these are, and what deleting them would free."""

from __future__ import annotations

import json
import sys

from docker_storage_exporter.cli.progress import Progress
from docker_storage_exporter.cli.terminal import foreground_control, style_of
from docker_storage_exporter.client.address import exporter_address
from docker_storage_exporter.client.ask import ask, ask_same
from docker_storage_exporter.errors import NoAnswerError, NothingToMeasureError, SettingError
from docker_storage_exporter.explain.explainer import Explainer
from docker_storage_exporter.explain.explanation import explanation_document, render_explanation
from docker_storage_exporter.explain.looking import Looker
from docker_storage_exporter.explain.owners import Owners
from docker_storage_exporter.explain.removal import Removal
from docker_storage_exporter.explain.territory import Territories
from docker_storage_exporter.hostfs.host import Host
from docker_storage_exporter.inventory.client import EngineClient
from docker_storage_exporter.inventory.current import CurrentInventory
from docker_storage_exporter.layout import Rules
from docker_storage_exporter.listing.row import Row
from docker_storage_exporter.schedule.crew import Crew
from docker_storage_exporter.schedule.listing import Locator
from docker_storage_exporter.settings import DEFAULT_HOST, Settings
from docker_storage_exporter.world import host_of


def explain(settings: Settings, target: str, form: str, *, with_growth: bool) -> int:
    """Show what is known of one thing; how it grows is asked of a running exporter. Raises SettingError."""
    if form == "csv":
        raise SettingError("--explain: an explanation has no rows; --format is table or json")
    host = host_of(settings)
    current = CurrentInventory(settings, host, EngineClient(settings))
    try:
        inventory = current.renew()
    except NothingToMeasureError as error:
        raise NothingToMeasureError(f"{error}{_elsewhere(settings)}") from error
    if current.trouble:
        print(f"{current.trouble}; this is what the disk says", file=sys.stderr)
    crew = Crew(settings.scan_timeout)
    crew.begin_watching()
    listed = Locator(host, crew).locate(inventory, Rules())
    control = foreground_control()
    owners = Owners(listed.inventory, listed.plan, listed.stores)
    explainer = Explainer(
        listed.inventory,
        owners,
        Territories(listed.inventory, owners, listed.stores, host),
        host,
        Removal("" if settings.docker_host == DEFAULT_HOST else settings.docker_host),
        Looker(host, _rows(settings, host) if with_growth else {}, lambda: control),
    )
    with Progress(control):
        explanations = explainer.explain(target)
    if form == "json":
        print(json.dumps([explanation_document(explanation) for explanation in explanations], indent=2))
    else:
        style = style_of(sys.stdout)
        sys.stdout.write("\n".join(render_explanation(explanation, style) for explanation in explanations))
    return 0


def _elsewhere(settings: Settings) -> str:
    """What else could be meant where an exporter runs here that found an engine; empty where none does."""
    try:
        root = ask(settings).origin.root
    except NoAnswerError:
        return ""
    address = exporter_address(settings)
    return f"; the exporter at {address} measures {root}: name its engine with --docker.host (a demo prints how)"


def _rows(settings: Settings, host: Host) -> dict[tuple[str, str], Row]:
    try:
        return {(row.kind, row.name): row for row in ask_same(settings, host).rows}
    except NoAnswerError:
        return {}
