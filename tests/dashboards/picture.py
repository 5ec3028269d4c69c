"""A dashboard as a picture: its panels at their places, drawn with matplotlib from query results."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

Json = dict[str, Any]

_PAGE, _PANEL, _EDGE, _TEXT, _DIM = "#111217", "#181b1f", "#2c3235", "#d8d9da", "#8e9196"
_COLORS = ["#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#ffa6b0", "#96d98d", "#fff899"]
_STEP_COLORS = {"green": "#73bf69", "orange": "#ff9830", "red": "#f2495c", "blue": "#5794f2"}
_WIDTH, _UNIT, _DPI = 16.0, 0.3, 75
_CAPTION = "Drawn from query results of a Prometheus that scraped the demo; a rendering, not a Grafana screenshot."


def picture(board: Json, results: Mapping[str, list[Any]], path: Path) -> None:
    """Draw a dashboard into a PNG file."""
    units = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in board["panels"])
    height = units * _UNIT + 1.0
    figure = plt.figure(figsize=(_WIDTH, height), facecolor=_PAGE)
    figure.text(0.008, 1 - 0.36 / height, board["title"], color=_TEXT, size=15, weight="bold", va="center")
    figure.text(0.992, 1 - 0.36 / height, _CAPTION, color=_DIM, size=9, va="center", ha="right")
    for panel in board["panels"]:
        at = panel["gridPos"]
        top = 0.7 + at["y"] * _UNIT
        box = (at["x"] / 24, 1 - (top + at["h"] * _UNIT) / height, at["w"] / 24, at["h"] * _UNIT / height)
        _panel(figure, panel, results.get(str(panel["id"]), []), box, height)
    figure.savefig(path, dpi=_DPI, facecolor=_PAGE, pil_kwargs={"optimize": True})
    plt.close(figure)
    _fewer_colors(path)


def _fewer_colors(path: Path) -> None:
    from PIL import Image  # noqa: PLC0415 - comes with matplotlib

    with Image.open(path) as image:
        image.convert("P", palette=Image.Palette.ADAPTIVE, colors=64).save(path, optimize=True)


def _panel(figure: Any, panel: Json, answers: list[Any], box: tuple[float, ...], height: float) -> None:
    left, bottom, width, tall = box
    if panel["type"] == "row":
        figure.text(left + 0.008, bottom + tall / 2, panel["title"], color=_TEXT, size=11, weight="bold", va="center")
        return
    pad = 0.0025
    frame = Rectangle((left + pad, bottom + pad), width - 2 * pad, tall - 2 * pad, transform=figure.transFigure)
    frame.set(facecolor=_PANEL, edgecolor=_EDGE, linewidth=0.8, zorder=-1)
    figure.add_artist(frame)
    figure.text(left + 0.007, bottom + tall - 0.16 / height, panel["title"], color=_TEXT, size=9.5, va="center")
    inner = (left + 0.007, bottom + 0.1 / height, width - 0.014, tall - 0.42 / height)
    draw = {"stat": _stat, "timeseries": _lines, "bargauge": _bars, "table": _table, "text": _words}[panel["type"]]
    draw(figure, panel, answers, inner)


def _empty(axes: Axes, words: str = "no data") -> None:
    axes.axis("off")
    axes.text(0.5, 0.5, words, color=_DIM, size=11, ha="center", va="center", transform=axes.transAxes)


def _axes(figure: Any, box: tuple[float, ...]) -> Axes:
    axes: Axes = figure.add_axes(box, facecolor=_PANEL)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(colors=_DIM, labelsize=8, length=0)
    return axes


def _named(panel: Json, answers: list[Any]) -> list[tuple[str, list[tuple[float, float]]]]:
    """Every series of a panel: its legend and its points."""
    found = []
    for target, series in zip(panel["targets"], answers, strict=True):
        for one in series:
            labels = one["metric"]
            legend = re.sub(r"{{(\w+)}}", lambda m, labels=labels: labels.get(m[1], ""), target["legendFormat"])
            points = [(float(t), float(v)) for t, v in one.get("values") or [one["value"]]]
            found.append((_short(legend), points))
    return found


def _short(legend: str) -> str:
    legend = legend.removesuffix(" on demo:10054").replace("demo:10054", "demo").replace(" on demo", "")
    legend = re.sub(r"/\S*/(srv/|docker$)", r"…/\1", legend)  # where the demo happened to be
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{52}\b", r"\1…", legend)


def _stat(figure: Any, panel: Json, answers: list[Any], box: tuple[float, ...]) -> None:
    axes, series = _axes(figure, box), _named(panel, answers)
    if not series:
        _empty(axes, panel["fieldConfig"]["defaults"].get("noValue", "no data"))
        return
    axes.axis("off")
    defaults = panel["fieldConfig"]["defaults"]
    for number, (legend, points) in enumerate(series[:4]):
        share = (number + 0.5) / min(len(series), 4)
        value = points[-1][1]
        color = _step_color(defaults["thresholds"]["steps"], value)
        size = 20 if len(series) == 1 else 13
        axes.text(share, 0.58, shown(value, defaults["unit"]), color=color, size=size, weight="bold", ha="center",
                  va="center", transform=axes.transAxes)  # fmt: skip
        if len(series) > 1 or panel["options"]["textMode"] == "value_and_name":
            axes.text(share, 0.12, legend, color=_DIM, size=8, ha="center", va="center", transform=axes.transAxes)


def _step_color(steps: list[Json], value: float) -> str:
    reached = [step for step in steps if step["value"] is None or value >= step["value"]]
    return _STEP_COLORS.get(reached[-1]["color"], _TEXT)


def _lines(figure: Any, panel: Json, answers: list[Any], box: tuple[float, ...]) -> None:
    left, bottom, width, tall = box
    series = sorted(_named(panel, answers), key=lambda one: -one[1][-1][1])
    legend_share = 0.30
    unit = panel["fieldConfig"]["defaults"]["unit"]
    axes = _axes(
        figure, (left + width * 0.0 + 0.035, bottom + tall * legend_share, width - 0.04, tall * (1 - legend_share))
    )
    if not series:
        _empty(axes)
        return
    origin = min(points[0][0] for _, points in series)
    if panel["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"] == "normal":
        series.reverse()
        times = sorted({t for _, points in series for t, _ in points})
        values = [[dict(points).get(t, 0.0) for t in times] for _, points in series]
        axes.stackplot([(t - origin) / 60 for t in times], values, colors=_COLORS, alpha=0.75, linewidth=0)
    else:
        for number, (_, points) in enumerate(series):
            x, y = zip(*(((t - origin) / 60, v) for t, v in points), strict=True)
            axes.plot(x, y, color=_COLORS[number % len(_COLORS)], linewidth=1.3)
        low, high = axes.get_ylim()
        flat = not any(value for _, points in series for _, value in points)
        axes.set_ylim(*((0, 1) if flat else (min(0, low), high * 1.1)))
    axes.grid(color=_EDGE, linewidth=0.6)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} min"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: shown(value, unit)))
    _legend(figure, series, (left, bottom, width, tall * legend_share), unit)


def _legend(figure: Any, series: list[Any], box: tuple[float, ...], unit: str) -> None:
    """The names of the first few, as many as fit, with their last values."""
    left, bottom, width, tall = box
    columns = max(1, int(width / 0.15))
    room = columns * 2
    axes = _axes(figure, (left, bottom, width, tall * 0.62))
    axes.axis("off")
    for number, (name, points) in enumerate(series[:room]):
        column, line = number % columns, number // columns
        color = _COLORS[number % len(_COLORS)]
        words = f"{name[:26]}  {shown(points[-1][1], unit)}"
        if number == room - 1 and len(series) > room:
            color, words = _DIM, f"… and {len(series) - room + 1} more"
        axes.text(
            column / columns, 0.75 - 0.5 * line, "■ ", color=color, size=7.5, va="center", transform=axes.transAxes
        )
        axes.text(column / columns + 0.012 / width * 0.9, 0.75 - 0.5 * line, words, color=_TEXT, size=7.5, va="center",
                  transform=axes.transAxes)  # fmt: skip


def _bars(figure: Any, panel: Json, answers: list[Any], box: tuple[float, ...]) -> None:
    axes = _axes(figure, box)
    series = sorted(_named(panel, answers), key=lambda one: -one[1][-1][1])[:10]
    if not series:
        _empty(axes)
        return
    axes.axis("off")
    largest = max(points[-1][1] for _, points in series) or 1
    axes.set(xlim=(0, 1), ylim=(10, 0))
    for number, (name, points) in enumerate(series):
        value = points[-1][1]
        axes.barh(number + 0.5, 0.45 * value / largest, left=0.38, height=0.62, color="#5794f2")
        axes.text(0.37, number + 0.5, name[:30], color=_TEXT, size=8, ha="right", va="center")
        unit = panel["fieldConfig"]["defaults"]["unit"]
        axes.text(0.385 + 0.45 * value / largest, number + 0.5, shown(value, unit), color=_TEXT, size=8, va="center")


def _table(figure: Any, panel: Json, answers: list[Any], box: tuple[float, ...]) -> None:
    axes = _axes(figure, box)
    axes.axis("off")
    columns, rows = _rows(panel, answers)
    if not rows:
        _empty(axes)
        return
    units = {o["matcher"]["options"]: p["value"] for o in panel["fieldConfig"]["overrides"] for p in o["properties"]
             if p["id"] == "unit"}  # fmt: skip
    room = max(2, int(box[3] * figure.get_size_inches()[1] / 0.235))
    texts = [[_cell(row.get(name), units.get(name, "")) for name in columns] for row in rows[: room - 1]]
    widths = [
        max(len(text) for text in [name, *column]) + 3
        for name, column in zip(columns, zip(*texts, strict=True), strict=True)
    ]
    left = 0.0
    for name, width, column in zip(columns, widths, zip(*texts, strict=True), strict=True):
        linked = any(o["matcher"]["options"] == name and "links" in str(o) for o in panel["fieldConfig"]["overrides"])
        axes.text(left, 1 - 0.5 / room, name, color="#6e9fff", size=8.5, weight="bold", va="center")
        for number, text in enumerate(column):
            color = "#8ab8ff" if linked else _TEXT
            axes.text(left, 1 - (number + 1.5) / room, text, color=color, size=8.5, va="center")
        left += width / sum(widths)


def _rows(panel: Json, answers: list[Any]) -> tuple[list[str], list[Json]]:
    """Columns and merged rows, as Grafana's merge and organize make them."""
    organize = panel["transformations"][1]["options"]
    names = organize["renameByName"]
    merged: dict[tuple[str, ...], Json] = {}
    keys = None
    for number, series in enumerate(answers):
        value = "Value" if len(answers) == 1 else f"Value #{chr(ord('A') + number)}"
        for one in series:
            found = set(one["metric"])
            keys = found if keys is None or len(answers) == 1 else keys & found
    for number, series in enumerate(answers):
        value = "Value" if len(answers) == 1 else f"Value #{chr(ord('A') + number)}"
        for one in series:
            key = tuple(one["metric"].get(name, "") for name in sorted(keys or ()))
            merged.setdefault(key, {}).update(one["metric"] | {value: float(one["value"][1])})
    rows = [{names[field]: value for field, value in row.items() if field in names} for row in merged.values()]
    for sort in panel["options"].get("sortBy", []):
        rows.sort(key=lambda row: row.get(sort["displayName"], 0), reverse=True)
    columns = sorted(names, key=lambda field: organize["indexByName"][field])
    return [names[field] for field in columns], rows


def _cell(value: Any, unit: str) -> str:
    if isinstance(value, float):
        return shown(value, unit)
    return _short(str(value))[:34] if value else ""


def _words(figure: Any, panel: Json, _: list[Any], box: tuple[float, ...]) -> None:
    axes = _axes(figure, box)
    axes.axis("off")
    axes.text(0, 0.5, panel["options"]["content"], color=_DIM, size=8.5, va="center", wrap=True)


def shown(value: float, unit: str) -> str:
    """A value as Grafana writes it."""
    if unit == "bool_yes_no":
        return "Yes" if value else "No"
    if unit == "dateTimeFromNow":
        days = (datetime.now(timezone.utc).timestamp() - value / 1000) / 86400
        return f"{days:.0f} days ago"
    if unit == "percentunit":
        return f"{value * 100:.3g}%"
    if unit in ("bytes", "Bps"):
        return _scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]) + ("/s" if unit == "Bps" else "")
    if unit == "s":
        return _duration(value)
    return _scaled(value, 1000, ["", "K", "M", "B"]).strip() + (" ops/s" if unit == "ops" else "")


def _scaled(value: float, base: int, units: list[str]) -> str:
    number, unit = value, 0
    while abs(number) >= base and unit < len(units) - 1:
        number, unit = number / base, unit + 1
    return f"{number:.3g} {units[unit]}" if abs(number) < 1000 else f"{number:.0f} {units[unit]}"


def _duration(value: float) -> str:
    for length, unit in ((86400 * 365, "years"), (86400 * 7, "weeks"), (86400, "days"), (3600, "hours"), (60, "mins")):
        if abs(value) >= length:
            return f"{value / length:.3g} {unit}"
    return f"{value:.3g} s" if abs(value) >= 1 or value == 0 else f"{value * 1000:.3g} ms"
