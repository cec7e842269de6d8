"""Renders a summary as one self-contained HTML page with charts and tables: no scripts, texts of calls escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo

import attrs
import jinja2
from markupsafe import Markup

from vox_calls import __version__
from vox_calls_tools.stats import charts
from vox_calls_tools.stats.report import Section, figures, headline, notes, percent, sections
from vox_calls_tools.stats.summary import Summary

MOST_DAYS = 366
"""Maximum number of days shown; earlier days are summed up. More bars would be too thin."""

_LONGEST_LABEL = 26
_SHORT = 12
_NOT_FOR_PAGES = re.compile("[^ -~\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010fffd]")
_YEAR = len("2026-")
_UPRIGHT = {"day", "hour"}


@attrs.frozen
class Chart:
    """A chart, its title, and the names of its series if it has several."""

    title: str
    svg: Markup
    legend: Sequence[str] = ()


def make_page(summary: Summary, zone: tzinfo | None, zone_name: str, made_at: datetime) -> str:
    """Render the page, which loads nothing from the network.

    Args:
        summary: The summary to show.
        zone: Time zone of its days and hours; None for the local one.
        zone_name: Name of the zone.
        made_at: When the calls were counted, aware.
    """
    shown = [_legible(section) for section in sections(summary, most_days=MOST_DAYS)]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("vox_calls_tools.stats", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.jinja").render(
        headline=headline(summary, zone, zone_name),
        figures=figures(summary),
        notes=notes(summary),
        sections=[(section, list(_charts(section))) for section in shown if section.rows],
        made_at=made_at.astimezone(zone).isoformat(sep=" ", timespec="minutes"),
        version=__version__,
    )


def _legible(section: Section) -> Section:
    rows = (attrs.evolve(row, label=_NOT_FOR_PAGES.sub("\ufffd", row.label)) for row in section.rows)
    return attrs.evolve(section, rows=tuple(rows))


def _charts(section: Section) -> Iterator[Chart]:
    rows = [row for row in section.rows if not row.is_rest]
    labels = [_label(section.name, row.label) for row in rows]
    draw = charts.columns if section.name in _UPRIGHT else charts.bars
    if section.grouped:
        legend = ("answered", "not answered")
        values = [row.answered or 0 for row in rows], [row.calls - (row.answered or 0) for row in rows]
        yield Chart(
            section.title, _svg(draw(section.title, labels, list(zip(legend, values, strict=True)), _whole)), legend
        )
    else:
        yield Chart(section.title, _svg(draw(section.title, labels, [("calls", [row.calls for row in rows])], _whole)))
    if section.name == "day":
        title = "Won by day"
        yield Chart(
            title, _svg(charts.columns(title, labels, [("won", [float(row.won or 0) for row in rows])], _whole))
        )
    if section.name == "hour":
        title = "Answered rate by hour of the day"
        rates = [("answered", [row.answered_rate or 0 for row in rows])]
        yield Chart(title, _svg(charts.columns(title, labels, rates, percent, highest=1)))


def _svg(drawn: str) -> Markup:
    return Markup(drawn)  # noqa: S704 - serialised from elements, so labels are escaped


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _label(section: str, text: str) -> str:
    if section == "day":
        return text[_YEAR:]
    return text if len(text) <= _LONGEST_LABEL else f"{text[:_SHORT]}…"
