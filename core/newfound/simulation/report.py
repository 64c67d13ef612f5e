"""The page of a simulation: figures and curves in one file that loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newfound.simulation.policies import GREEDY

Float64 = NDArray[np.float64]

CSP = "default-src 'none'; style-src 'unsafe-inline'"
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .7rem;text-align:right;border-bottom:1px solid #ddd}
th:first-child,td:first-child{text-align:left}
svg{width:100%;height:auto}figure{margin:2rem 0}figcaption{font-weight:600}
.scroll{overflow-x:auto}
"""
COLOURS = (
    "#4e79a7",
    "#f28e2b",
    "#59a14f",
    "#e15759",
    "#b07aa1",
    "#76b7b2",
    "#9c755f",
    "#edc948",
    "#ff9da7",
    "#666",
)
WIDTH, HEIGHT, LEFT, BOTTOM, KEY = 900, 320, 60, 30, 170
SMOOTH_HOURS = 12
N_TICKS = 5
COLUMNS = (
    ("clicks against greedy", "liftOverGreedy"),
    ("against ignoring new", "liftOverIgnoringNew"),
    ("share of the oracle's", "shareOfOracle"),
    ("first 8 hours", "firstEightHours"),
    ("first day", "firstDay"),
    ("last half", "lastHalf"),
    ("good new items found in 24 h", "foundIn24Hours"),
    ("in 72 h", "foundIn72Hours"),
    ("spent on the worse half", "exploredOnWorseHalf"),
)


def page(report: Mapping[str, Any], curves: Mapping[str, Mapping[str, Float64]]) -> str:
    """Lay out a report; curves: hourly clicks, requests and explored places of each policy, (n_hours,) each."""
    world = escape(str(report["world"]))
    greedy = curves[GREEDY]["clicks"]
    pictures = (
        (
            "Clicks per request, mean of the last 12 hours",
            lambda c: _smooth(c["clicks"]) / _smooth(c["requests"]),
        ),
        ("Clicks so far beyond greedy's", lambda c: np.cumsum(c["clicks"] - greedy)),
        (
            "Share of places that exploration filled",
            lambda c: _smooth(c["explored"]) / _smooth(c["requests"]),
        ),
    )
    figures = "".join(
        f"<figure><figcaption>{title}</figcaption>{_chart({name: draw(c) for name, c in curves.items()})}</figure>"
        for title, draw in pictures
    )
    best = f"{report['bestWeight']:g}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{CSP}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>newfound simulate: {world}</title><style>{STYLE}</style></head><body>"
        f"<h1>World {world}: weight {best} got the most clicks</h1>"
        f"<p>{report['days']:g} days, {report['requestsPerHour']:g} requests an hour,"
        f" lists of {report['numResults']}, {report['users']:,} users, {report['items']:,} items and"
        f" {report['newItems']:,} new ones, {len(report['seeds'])} seed(s). In brackets: 95 % intervals.</p>"
        f'<div class="scroll">{_table(report["policies"])}</div>{figures}</body></html>\n'
    )


def _table(policies: Sequence[Mapping[str, Any]]) -> str:
    head = "".join(f"<th>{title}</th>" for title in ("policy", *(title for title, _ in COLUMNS)))
    rows = "".join(
        f"<tr><td>{escape(row['policy'])}</td>"
        + "".join(f"<td>{percent(row[key])}</td>" for _, key in COLUMNS)
        + "</tr>"
        for row in policies
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def percent(value: Mapping[str, float] | float | None) -> str:
    """Write a share, or a lift with its interval.

    >>> percent(0.123), percent({"value": 0.1, "low": -0.02, "high": 0.2}), percent(None)
    ('12.3 %', '+10.0 % (-2.0 to +20.0)', '-')
    """
    if value is None:
        return "-"
    if isinstance(value, Mapping):
        return (
            f"{value['value']:+.1%}".replace("%", " %")
            + f" ({100 * value['low']:+.1f} to {100 * value['high']:+.1f})"
        )
    return f"{value:.1%}".replace("%", " %")


def _smooth(values: Float64) -> Float64:
    """Mean of the last SMOOTH_HOURS."""
    total = np.cumsum(np.append(0, values))
    low = np.maximum(np.arange(len(values)) + 1 - SMOOTH_HOURS, 0)
    mean: Float64 = (total[1:] - total[low]) / (np.arange(len(values)) + 1 - low)
    return np.maximum(mean, 1e-12)


def _chart(lines: Mapping[str, Float64]) -> str:
    """Draw lines over hours, each with its name and colour."""
    n = max(len(next(iter(lines.values()))) - 1, 1)
    low = min(0.0, *(float(values.min()) for values in lines.values()))
    high = max(float(values.max()) for values in lines.values())
    span = high - low or 1.0
    right = WIDTH - KEY

    def x(hour: float) -> float:
        return LEFT + hour / n * (right - LEFT)

    def y(value: float) -> float:
        return 10 + (high - value) / span * (HEIGHT - BOTTOM - 10)

    parts = [
        f'<line x1="{LEFT}" x2="{right}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" stroke="#ddd"/>'
        f'<text x="{LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:.3g}</text>'
        for tick in np.linspace(low, high, N_TICKS).tolist()
    ]
    parts += [
        f'<text x="{x(tick):.1f}" y="{HEIGHT - 8}" text-anchor="middle">day {tick / 24:.1f}</text>'
        for tick in np.linspace(0, n, N_TICKS).tolist()
    ]
    for place, (name, values) in enumerate(lines.items()):
        colour = COLOURS[place % len(COLOURS)]
        points = " ".join(f"{x(hour):.1f},{y(value):.1f}" for hour, value in enumerate(values.tolist()))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
        parts.append(f'<text x="{right + 8}" y="{20 + 18 * place}" fill="{colour}">{escape(name)}</text>')
    body = "".join(parts)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" font-size="12" role="img">{body}</svg>'
