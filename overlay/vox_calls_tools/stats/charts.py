"""Draws charts as inline SVG with pygal, without scripts, styles and external URLs.

The style sheet of the page styles them, so that they follow its dark mode. The classes are pygal's: `color-0` is the
first series, `guide` a grid line, `axis` the labels along the edges.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import pygal
from pygal.etree import etree
from pygal.style import Style

# pygal installs an import finder for map plugins, about which Python warns at each later import.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

_FONT = 12
_SIZE = (1_000, 260)
_NARROW = 480
_BAR = 24
_FRAME = 40
_MOST_LABELS = 12

Show = Callable[[float], str]
Series = tuple[str, Sequence[float]]


def columns(
    title: str, labels: Sequence[str], series: Sequence[Series], show: Show, highest: float | None = None
) -> str:
    """Draw a stacked column chart.

    Args:
        title: Title for screen readers.
        labels: Labels of the columns; only some are shown if there are many.
        series: Names and values, one value per label.
        show: Formats a value.
        highest: Value at the top edge; None for that of the highest column.
    """
    width, height = _SIZE
    chart = pygal.StackedBar(
        **_common(show),
        width=width,
        height=height,
        x_labels_major_every=-(-len(labels) // _MOST_LABELS),
        show_minor_x_labels=False,
        truncate_label=-1,
        range=None if highest is None else (0, highest),
    )
    return _drawn(chart, title, labels, series)


def bars(title: str, labels: Sequence[str], series: Sequence[Series], show: Show) -> str:
    """Draw a stacked bar chart, the first bar on top; see `columns`."""
    chart = pygal.HorizontalStackedBar(**_common(show), width=_NARROW, height=_BAR * len(labels) + _FRAME)
    return _drawn(chart, title, labels[::-1], [(name, values[::-1]) for name, values in series])


def _common(show: Show) -> dict[str, Any]:
    return {
        "style": Style(label_font_size=_FONT, major_label_font_size=_FONT),
        "css": [],
        "js": [],
        "margin": 8,
        "max_scale": 6,
        "show_legend": False,
        "value_formatter": show,
    }


def _drawn(chart: Any, title: str, labels: Sequence[str], series: Sequence[Series]) -> str:  # noqa: ANN401 - no types
    chart.x_labels = labels
    for name, values in series:
        chart.add(name, values)
    svg = chart.render_tree()
    for name in ("id", "xmlns"):
        svg.attrib.pop(name, None)
    svg.set("role", "img")
    svg.set("aria-label", title)
    for parent in list(svg.iter()):
        for child in list(parent):
            if _is_for_scripts(child):
                parent.remove(child)
    for place, (name, _) in enumerate(series):
        for bar in svg.iterfind(f".//g[@class='series serie-{place} color-{place}']//g[@class='bar']"):
            _name_bar(bar, name)
    drawn: str = etree.tostring(svg, encoding="unicode")
    return drawn


def _is_for_scripts(element: Any) -> bool:  # noqa: ANN401 - no types
    # pygal's own titles repeat visible text, or say only "Pygal".
    return element.tag in {etree.Comment, "defs", "title"} or "overlay" in element.get("class", "")


def _name_bar(bar: Any, series: str) -> None:  # noqa: ANN401 - no types
    told = {part.get("class"): part.text for part in bar.findall("desc")}
    for part in bar.findall("desc"):
        bar.remove(part)
    title = etree.SubElement(bar, "title")
    title.text = f"{told.get('x_label', '')}, {series}: {told.get('value', '')}"
