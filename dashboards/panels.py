"""Panel kinds: one function each, on top of grafanalib, and the factory that makes a dashboard of rows of them.

Everything that is particular about grafanalib is known here and nowhere else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grafanalib import core as g
from grafanalib._gen import DashboardEncoder

from dashboards.query import kept

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
SCHEMA_VERSION = 39
"""Grafana 10.4's: older 10s ignore what they do not know, newer ones migrate it."""
TAG = "docker-storage"
OBJECT_POINTS = 60
"""Points over time of a series per object: sizes are measured every five minutes, so six hours lose nothing."""
_COLUMNS = 24
_LEGACY = {
    "dashboard": "__inputs gnetId hideControls id rows sharedCrosshair style",
    "panel": "cacheTimeout color columns editable error fontSize height hideTimeOverride mappings maxPerRow minSpan "
    "repeatDirection span",
    "target": "hide interval intervalFactor metric query step target",
    "variable": "auto auto_count auto_min tagValuesQuery tagsQuery useTags",
}
"""What grafanalib writes for Grafana before 8 and no Grafana of today reads."""

NEUTRAL = "text"
"""The colour of what is neither good nor bad."""
_KINDS = {
    "blue": "volumes?",
    "purple": "writable layers|container_layer",
    "yellow": "logs|container_log",
    "semi-dark-green": "tmpfs mounts|tmpfs_mount",
    "semi-dark-orange": "bind mounts|bind_mount",
    "light-red": "images?",
}
"""Each kind of object has one colour wherever it has a line of its own: as people call it, and as its label does."""
_LONG_HEX = r"(.*?)\b([0-9a-f]{12})[0-9a-f]{52}\b(.*)"
_SHORT_NAMES = {"id": "renameByRegex", "options": {"regex": _LONG_HEX, "renamePattern": "$1$2…$3"}}
"""An anonymous volume's name has 64 digits, which would push the numbers of a legend off the panel."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel. `legend` names its series, or in a table its column."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Steps:
    """Colours by value: `warning` and `critical` are where they begin; `falling` says that less is worse."""

    warning: float
    critical: float
    falling: bool = False

    def to_json(self) -> list[Json]:
        """Grafana's threshold steps."""
        points = [("green", None), ("orange", self.warning), ("red", self.critical)]
        if self.falling:
            points = [("red", None), ("orange", self.critical), ("green", self.warning)]
        return [{"color": color, "value": value} for color, value in points]


@dataclass(frozen=True, slots=True)
class Row:
    """A question, and the panels that answer it. `widths` are in 24ths; `height` in Grafana's units.

    A legend gets 35% of its panel: with 9 that is three whole rows under its header, with 7 two, with 8 a cut one.
    With 9 ten bars fit, too.
    """

    title: str
    panels: Sequence[Any]
    widths: Sequence[int]
    height: int = 9


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: the label or query it shows, its unit, and what a click on it opens.

    `width` in pixels is for what would be cut to a beginning that many share, such as paths; its cells also wrap.
    """

    name: str
    unit: str = ""
    link: str = ""
    gauge: bool = False
    width: int = 0


_NO_STEPS = [{"color": "green", "value": None}]


def _targets(queries: Sequence[Query], *, table: bool = False) -> list[Any]:
    return [
        g.Target(
            expr=query.expr,
            legendFormat="" if table else query.legend,
            refId=chr(ord("A") + number),
            datasource=SOURCE,
            format="table" if table else "time_series",
            instant=table,
        )
        for number, query in enumerate(queries)
    ]


def _common(title: str, description: str, queries: Sequence[Query], *, table: bool = False) -> Json:
    targets = _targets(queries, table=table)
    return {"title": title, "description": description, "dataSource": SOURCE, "targets": targets, "maxDataPoints": None}


def stat(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    steps: Steps | None = None,
    none: str = "not known",
    none_color: str = NEUTRAL,
    instant: bool = False,
    named: bool = False,
    colors: Mapping[str, Steps] | None = None,
) -> Any:
    """A number, or one for each series, with its recent past behind it.

    `none` is shown in `none_color` where there is no series: without a mapping of its own Grafana takes the colour of
    the lowest threshold. `instant` asks for the number of now alone: an end that is no longer near has no past to show.
    `named` shows the name of a series even where there is only one; `colors` are the steps of single series.
    """
    thresholds = steps.to_json() if steps else _NO_STEPS
    overrides = [
        {
            "matcher": {"id": "byName", "options": name},
            "properties": [{"id": "thresholds", "value": {"mode": "absolute", "steps": steps.to_json()}}],
        }
        for name, steps in (colors or {}).items()
    ]
    panel = g.Stat(
        **_common(title, description, queries),
        format=unit,
        graphMode="none" if instant else "area",
        reduceCalc="lastNotNull",
        noValue=none,
        colorMode="value",
        textMode="value_and_name" if named else "auto",
        extraJson={
            "fieldConfig": {
                "defaults": {
                    "thresholds": {"mode": "absolute", "steps": thresholds},
                    "mappings": [_nothing(none, none_color)],
                },
                "overrides": overrides,
            }
        },
    )
    for target in panel.targets:
        target.instant = instant
    return panel


def _nothing(text: str, color: str) -> Json:
    """What is shown where there is no number."""
    return {"type": "special", "options": {"match": "null+nan", "result": {"text": text, "color": color, "index": 0}}}


def timeseries(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    stacked: bool = False,
    steps: Steps | None = None,
    per_object: bool = False,
    maximum: float | None = None,
    none: str = "",
    least_first: bool = False,
) -> Any:
    """Lines over time. `per_object`: hundreds of series that change slowly, so that few points of each are enough.

    `none` is shown where there is no series, which without a word would look like a fault. The legend begins with the
    largest, or with the `least_first`: what comes later needs scrolling.
    """
    panel = g.TimeSeries(
        **_common(title, description, queries),
        unit=unit,
        fillOpacity=40 if stacked else 8,
        stacking={"mode": "normal", "group": "A"} if stacked else {"mode": "none", "group": "A"},
        showPoints="never",
        legendDisplayMode="table",
        legendPlacement="bottom",
        legendCalcs=["lastNotNull", "max"],
        tooltipMode="multi",
        tooltipSort="desc",
        thresholdsStyleMode="line" if steps else "off",
        extraJson={
            "fieldConfig": {
                "defaults": {
                    "max": maximum,
                    "noValue": none or None,
                    "thresholds": {"mode": "absolute", "steps": steps.to_json() if steps else _NO_STEPS},
                },
                "overrides": [_kind_color(color, names) for color, names in _KINDS.items()],
            },
            "options": {"legend": {"sortBy": "Last *", "sortDesc": not least_first}},
        },
    )
    panel.maxDataPoints = OBJECT_POINTS if per_object else None
    if per_object:
        panel.transformations = [_SHORT_NAMES]
    return panel


def _kind_color(color: str, names: str) -> Json:
    return {
        "matcher": {"id": "byRegexp", "options": f"/^({names})( on .*|: .*)?$/"},
        "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": color}}],
    }


def bars(title: str, description: str, unit: str, *queries: Query, steps: Steps | None = None) -> Any:
    """The largest of something, one bar each, as they are now."""
    thresholds = steps.to_json() if steps else [{"color": "blue", "value": None}]
    panel = g.BarGauge(
        **_common(title, description, queries),
        orientation="horizontal",
        extraJson={
            "fieldConfig": {
                "overrides": [],
                "defaults": {
                    "unit": unit,
                    "min": 0,
                    "thresholds": {"mode": "absolute", "steps": thresholds},
                    "displayName": _named_by_labels(queries[0].legend),
                },
            },
            "options": {
                "displayMode": "basic",
                "valueMode": "color",
                "showUnfilled": True,
                "namePlacement": "left",
                "sizing": "manual",  # three bars in a tall panel would else have letters of 80 pixels
                "minVizHeight": 16,
                "maxVizHeight": 32,
                "minVizWidth": 8,
                "text": {"titleSize": 12, "valueSize": 14},
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            },
        },
    )
    for target in panel.targets:
        target.instant = True
    panel.transformations = [_SHORT_NAMES]
    return panel


def _named_by_labels(legend: str) -> str:
    """The legend as a display name. A bar that is alone is shown with its name only where there is one of these."""
    return re.sub(r"{{(\w+)}}", r"${__field.labels.\1}", legend)


def table(
    title: str,
    description: str,
    columns: Mapping[str, Column],
    *queries: Query,
    sort: str = "",
    unit: str = "short",
) -> Any:
    """A row for each object. `columns` are by label, or by the legend of the query whose value they show, in order."""
    if clash := {query.legend for query in queries} & {label for query in queries for label in kept(query.expr)}:
        raise ValueError(f"{title}: {clash} names a query and a label")
    shown = {f"Value #{chr(ord('A') + number)}": query.legend for number, query in enumerate(queries)}
    if len(queries) == 1:
        shown = {"Value": queries[0].legend}
    fields = {legend: field for field, legend in shown.items()}
    names = {fields.get(key, key): column.name for key, column in columns.items()}
    order = {field: number for number, field in enumerate(names)}
    hidden = {field: True for field in ("Time", *shown) if field not in names}
    organize = {"excludeByName": hidden, "indexByName": order, "renameByName": names}
    panel = g.Table(
        **_common(title, description, queries, table=True),
        filterable=True,
        unit=unit,
        overrides=[_override(column) for column in columns.values() if column.unit or column.link or column.width],
        extraJson={
            "fieldConfig": {
                "defaults": {"thresholds": {"mode": "absolute", "steps": _NO_STEPS}, "custom": {"displayMode": None}}
            },
            "options": {"sortBy": [{"displayName": sort, "desc": True}] if sort else [], "cellHeight": "sm"},
        },
    )
    panel.transformations = [{"id": "merge", "options": {}}, {"id": "organize", "options": organize}]
    return panel


def _override(column: Column) -> Json:
    properties: list[Json] = []
    if column.unit:
        properties.append({"id": "unit", "value": column.unit})
    if column.gauge:
        properties.append({"id": "custom.cellOptions", "value": {"type": "gauge", "mode": "basic"}})
        properties.append({"id": "color", "value": {"mode": "continuous-BlPu"}})
        properties.append({"id": "min", "value": 0})
        # Without an end of its own the bar's would be the largest number of all columns.
        share = column.unit == "percentunit"
        properties.append({"id": "max", "value": 1} if share else {"id": "fieldMinMax", "value": True})
    if column.width:
        properties.append({"id": "custom.width", "value": column.width})
        properties.append({"id": "custom.cellOptions", "value": {"type": "auto", "wrapText": True}})
    if column.link:
        properties.append({"id": "links", "value": [{"title": "Open", "url": column.link, "targetBlank": False}]})
    return {"matcher": {"id": "byName", "options": column.name}, "properties": properties}


def text(title: str, description: str, content: str) -> Any:
    """Words."""
    return g.Text(title=title, description=description, content=content, dataSource=None, maxDataPoints=None)


def variable(name: str, label: str, query: str) -> Any:
    """A variable that is asked of Prometheus; all values until some are chosen."""
    return g.Template(
        name=name,
        label=label,
        query=query,
        dataSource=SOURCE,
        refresh=2,
        multi=True,
        includeAll=True,
        allValue=".+",
        default="All",
    )


def link(uid: str, **variables: str) -> str:
    """The address of a dashboard with these variables, and with the reader's data source and time range."""
    chosen = "".join(f"&var-{name}={value}" for name, value in variables.items())
    return f"/d/{uid}?${{datasource:queryparam}}&${{__url_time_range}}{chosen}"


_ALERTS = {
    "name": "Alerts",
    "datasource": SOURCE,
    "enable": True,
    "iconColor": "red",
    "expr": 'ALERTS{alertname=~"Docker.+",alertstate="firing",job=~"$job",instance=~"$instance"}',
    "step": "60s",
    "titleFormat": "{{alertname}}",
    "textFormat": "{{volume}}{{container}}{{mountpoint}} on {{instance}}",
    "tagKeys": "severity",
}
"""Where alerts of these rules fired, as marks on every panel over time."""


def dashboard(uid: str, title: str, description: str, rows: Sequence[Row], variables: Iterable[Any]) -> Json:
    """A dashboard as Grafana imports it."""
    source = g.Template(name="datasource", label="Data source", type="datasource", query="prometheus", refresh=1)
    made = g.Dashboard(
        title=title,
        description=description,
        uid=uid,
        tags=[TAG],
        panels=list(_placed(rows)),
        templating=g.Templating([source, *variables]),
        links=[
            g.DashboardLink(
                title="Docker storage", tags=[TAG], type="dashboards", asDropdown=True, includeVars=True, keepTime=True
            )
        ],
        schemaVersion=SCHEMA_VERSION,
        refresh="1m",
        time=g.Time("now-24h", "now"),
        timezone="browser",
        graphTooltip=1,
        editable=True,
        annotations=g.Annotations([_ALERTS]),
        version=1,
        style=None,
    ).auto_panel_ids()
    return finished(json.loads(json.dumps(made.to_json_data(), cls=DashboardEncoder)))


def _placed(rows: Sequence[Row]) -> Iterable[Any]:
    """The panels below each other, row by row, at their places on the grid."""
    top = 0
    for row in rows:
        yield g.RowPanel(title=row.title, gridPos=g.GridPos(h=1, w=_COLUMNS, x=0, y=top), maxDataPoints=None)
        top, left = top + 1, 0
        for panel, width in zip(row.panels, row.widths, strict=True):
            if left + width > _COLUMNS:
                top, left = top + row.height, 0
            panel.gridPos = g.GridPos(h=row.height, w=width, x=left, y=top)
            left += width
            yield panel
        top += row.height


def finished(document: Json) -> Json:
    """The document without nulls and without keys that Grafana has not read for years."""
    document = _without(_LEGACY["dashboard"], _without_nulls(document))
    document["panels"] = [_finished_panel(panel) for panel in document["panels"]]
    document["templating"]["list"] = [_finished_variable(entry) for entry in document["templating"]["list"]]
    return document


def _finished_panel(panel: Json) -> Json:
    panel = _without(_LEGACY["panel"], panel)
    if panel["type"] == "row":
        return {**_without("fieldConfig targets links transformations transparent", panel), "panels": []}
    panel["targets"] = [_without(_LEGACY["target"], target) for target in panel["targets"]]
    if not panel["targets"]:
        panel = _without("fieldConfig targets", panel)
    panel["options"].pop("fieldOptions", None)
    return panel


def _finished_variable(entry: Json) -> Json:
    entry = _without(_LEGACY["variable"], entry)
    if entry["includeAll"]:
        return {**entry, "current": {"selected": True, "text": ["All"], "value": ["$__all"]}}
    return _without("current", entry)


def _without(keys: str, of: Json) -> Json:
    dropped = keys.split()
    return {key: value for key, value in of.items() if key not in dropped}


def _without_nulls(value: Any) -> Any:
    """Nulls say nothing, but for the first of threshold steps: there it means from minus infinity on."""
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    if not isinstance(value, dict):
        return value
    step = value.keys() == {"color", "value"}
    return {key: _without_nulls(item) for key, item in value.items() if item is not None or step}
