"""The summary as one HTML page: charts and tables, no script, nothing to fetch, everything from calls escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo

import attrs
import jinja2
from markupsafe import Markup

from vox_calls import __version__
from vox_calls.stats import charts
from vox_calls.stats.counting import Summary
from vox_calls.stats.report import Section, figures, headline, notes, percent, sections

MOST_DAYS = 366
"""Days before the latest so many are one sum; more bars than that cannot be told apart."""

_LONGEST_LABEL = 26
_SHORT = 12
_UPRIGHT = {"day", "hour", "length"}


@attrs.frozen
class Chart:
    """A drawing, what it shows, and the names of its series; none where there is only one."""

    title: str
    svg: Markup
    legend: Sequence[str] = ()


def make_page(summary: Summary, zone: tzinfo | None, zone_name: str, made_at: datetime) -> str:
    """The page, whole: it opens without a network.

    Args:
        summary: What it shows.
        zone: The zone of its days and hours; None is the zone of this machine.
        zone_name: What that is called.
        made_at: When the calls were counted, aware.
    """
    shown = list(sections(summary, most_days=MOST_DAYS))
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("vox_calls.stats", "."),
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


def _charts(section: Section) -> Iterator[Chart]:
    labels = [_label(row.label) for row in section.rows]
    draw = charts.columns if section.name in _UPRIGHT else charts.bars
    answered = [row.answered or 0 for row in section.rows]
    if section.grouped:
        legend = ("answered", "not answered")
        others = [row.calls - (row.answered or 0) for row in section.rows]
        series = list(zip(legend, (answered, others), strict=True))
        yield Chart(section.title, _svg(draw(section.title, labels, series, _whole)), legend)
    else:
        series = [("calls", [row.calls for row in section.rows])]
        yield Chart(section.title, _svg(draw(section.title, labels, series, _whole)))
    if section.name == "day":
        title = "Won by day"
        amounts = [float(row.won or 0) for row in section.rows]
        yield Chart(title, _svg(draw(title, labels, [("won", amounts)], _whole)))
    if section.name == "hour":
        title = "Answered rate by hour of the day"
        rates = [row.answered_rate or 0 for row in section.rows]
        yield Chart(title, _svg(draw(title, labels, [("answered", rates)], percent)))


def _svg(drawn: str) -> Markup:
    return Markup(drawn)  # noqa: S704 - made of elements, not of text: labels were escaped when it was written


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _label(text: str) -> str:
    return text if len(text) <= _LONGEST_LABEL else f"{text[:_SHORT]}…"
