"""A snapshot for people and programs other than Prometheus.

`explain`, which measures, is imported by itself: what only shows a listing starts faster without it.
"""

from docker_storage_exporter.report.explanation import Explanation, explanation_document, render_explanation
from docker_storage_exporter.report.filesystems import Filesystems
from docker_storage_exporter.report.listing import (
    OBJECTS_PATH,
    Listing,
    bare_listing,
    document,
    from_document,
    listing,
    with_rows,
)
from docker_storage_exporter.report.owners import Owner, Owners
from docker_storage_exporter.report.removal import Removal, shell_quoted
from docker_storage_exporter.report.rows import Row, project_of, rows
from docker_storage_exporter.report.selection import SORT_KEYS, Selection
from docker_storage_exporter.report.table import (
    TableStyle,
    human_bytes,
    human_growth,
    human_seconds,
    render_columns,
    render_table,
)
from docker_storage_exporter.report.text import render_csv, render_footer, render_json

__all__ = [
    "OBJECTS_PATH",
    "SORT_KEYS",
    "Explanation",
    "Filesystems",
    "Listing",
    "Owner",
    "Owners",
    "Removal",
    "Row",
    "Selection",
    "TableStyle",
    "bare_listing",
    "document",
    "explanation_document",
    "from_document",
    "human_bytes",
    "human_growth",
    "human_seconds",
    "listing",
    "project_of",
    "render_columns",
    "render_csv",
    "render_explanation",
    "render_footer",
    "render_json",
    "render_table",
    "rows",
    "shell_quoted",
    "with_rows",
]
