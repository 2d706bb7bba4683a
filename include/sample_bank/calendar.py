"""Working days as the sample bank sees them."""

from datetime import date


def is_workday(day: date) -> bool:
    """Monday to Friday."""
    return day.weekday() < 5
