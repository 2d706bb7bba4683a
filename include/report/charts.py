"""Lines over dates as inline SVG: geometry only, the template draws it.

Own geometry and not a chart library: those at hand (Altair, Plotly) draw by a script of one to four megabytes, cannot
say an axis in two languages, and their bytes change with their version.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

WIDTH, HEIGHT = 360, 170
LEFT, RIGHT, TOP, BOTTOM = 8, 8, 22, 18
GRID_LINES = 3
Value = Decimal | int | None


@dataclass(frozen=True)
class Line:
    """One line. ``text``: key of its name in the catalogue; ``style``: class in the style sheet."""

    text: str
    style: str
    values: Sequence[Value]


@dataclass(frozen=True)
class Drawn:
    """A line as the paths of its unbroken parts, and the end of the last of them with its value."""

    text: str
    style: str
    path: str
    end: tuple[str, str] | None
    last: str


@dataclass(frozen=True)
class Chart:
    text: str
    lines: list[Drawn]
    grid: list[tuple[str, str]]  # (height in the drawing, label)
    first: date
    last: date


def chart(text: str, days: Sequence[date], lines: Sequence[Line], say: Callable[[Value], str]) -> Chart | None:
    """A chart over ``days``; None where there are less than two points to draw. The scale begins at zero.

    ``say`` writes a value. Dates without a value break a line; dates that were never published leave their room.
    """
    known = [value for line in lines for value in line.values if value is not None]
    if len(days) < 2 or len(known) < 2:
        return None
    top = max(known) or 1
    span = (days[-1] - days[0]).days

    def place(day: date, value: Decimal | int) -> tuple[str, str]:
        across = LEFT + (WIDTH - LEFT - RIGHT) * (day - days[0]).days / span
        return f"{across:.1f}", _height(value, top)

    drawn = []
    for line in lines:
        points = [None if value is None else place(day, value) for day, value in zip(days, line.values, strict=True)]
        ends = [point for point in points if point is not None]
        last = next((value for value in reversed(line.values) if value is not None), None)
        drawn.append(Drawn(line.text, line.style, _path(points), ends[-1] if ends else None, say(last)))
    grid = [(_height(top * step / GRID_LINES, top), say(_part(top, step))) for step in range(1, GRID_LINES + 1)]
    return Chart(text, drawn, grid, days[0], days[-1])


def _part(top: Decimal | int, step: int) -> Decimal:
    return Decimal(top) * step / GRID_LINES


def _height(value: Decimal | int | float, top: Decimal | int) -> str:
    return f"{HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * float(value) / float(top):.1f}"


def _path(points: Sequence[tuple[str, str] | None]) -> str:
    steps, pen = [], "M"
    for point in points:
        if point is None:
            pen = "M"
        else:
            steps.append(f"{pen}{point[0]} {point[1]}")
            pen = "L"
    return " ".join(steps)
