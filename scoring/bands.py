"""Bands of amounts and terms from dated policy. What has no band is said, never given one by default."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from scoring.policy_rows import PolicyError, PolicyRow, valid_on


@dataclass(frozen=True)
class Bands:
    """(from, band) in rising order; by currency for amounts."""

    amounts: dict[str, list[tuple[Decimal, str]]]
    terms: list[tuple[int, str]]
    order: dict[str, int]  # of amount bands, the smallest first

    def amount_band(self, currency: str | None, amount: Decimal) -> str | None:
        """The band of an amount; None where the currency has no policy."""
        edges = self.amounts.get(currency or "", [])
        return next((band for start, band in reversed(edges) if amount >= start), None)

    def term_band(self, days: int) -> str | None:
        return next((band for start, band in reversed(self.terms) if days >= start), None)


def bands(day: date, amount_rows: Iterable[PolicyRow], term_rows: Iterable[PolicyRow]) -> Bands:
    """From the rows of ``amount_band`` and ``term_band``. Raises PolicyError where currencies differ in bands."""
    amounts: dict[str, list[tuple[Decimal, str]]] = {}
    for row in valid_on(amount_rows, day):
        amounts.setdefault(row["currency"], []).append((Decimal(row["from_amount"]), row["amount_band"]))
    order: list[str] = []
    for currency, edges in sorted(amounts.items()):
        edges.sort()
        names = [band for _, band in edges]
        if order and names != order:
            raise PolicyError(f"amount_band: {currency} has the bands {names}, others {order}")
        order = names
    terms = sorted((int(row["from_days"]), row["term_band"]) for row in valid_on(term_rows, day))
    return Bands(amounts, terms, {band: rank for rank, band in enumerate(order)})
