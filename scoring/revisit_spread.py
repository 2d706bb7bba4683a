"""Spreading due dates over days with room: by hash, so that the same loan gets the same day in every run."""

import bisect
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from scoring.policy_rows import spread_hash


class Spread:
    """Days on which people work, and what is planned on each already.

    capacity: planned revisits that a layer can take, by (workday, layer); a layer without an entry on any day has no
        limit (self-service). Days outside ``workdays`` are never chosen.
    load: due dates planned before, by (day, layer). What is due on a day off is worked the workday before and counts
        there.
    """

    def __init__(
        self,
        workdays: Sequence[date],
        capacity: Mapping[tuple[date, str], int],
        load: Mapping[tuple[date, str], int],
    ) -> None:
        self.workdays = sorted(workdays)
        self.capacity = capacity
        self.limited = {layer for _, layer in capacity}
        self.load: Counter[tuple[date, str]] = Counter()
        for (day, layer), count in load.items():
            self.load[self._worked_on(day), layer] += count

    def place(self, loan_id: str, layer: str, first: date, days: int, *, soonest: bool) -> date:
        """A workday inside ``days`` days from ``first`` that has room, else the next one after them that has.

        ``soonest``: from the first day on; otherwise from a day that the loan's hash chooses, later ones first. When no
        known workday has room, the last one: it is over capacity and the coverage report shows it.
        """
        start = bisect.bisect_left(self.workdays, first)
        stop = max(bisect.bisect_left(self.workdays, first + timedelta(days=days)), start + 1)
        window = self.workdays[start:stop]
        if not window:
            raise ValueError(f"no workday is known on or after {first}")
        turn = 0 if soonest else spread_hash("revisit", loan_id) % len(window)
        chosen = next(
            (day for day in (*window[turn:], *window[:turn], *self.workdays[stop:]) if self._has_room(day, layer)),
            self.workdays[-1],
        )
        self.load[chosen, layer] += 1
        return chosen

    def place_before(self, layer: str, natural: date, first: date) -> date:
        """The workday nearest before ``natural`` that has room, from ``first`` on; else the nearest after it."""
        here = bisect.bisect_right(self.workdays, natural)
        earlier = self.workdays[bisect.bisect_left(self.workdays, first) : here][::-1]
        days = (*earlier, *self.workdays[here:])
        chosen = next((day for day in days if self._has_room(day, layer)), natural)
        self.load[chosen, layer] += 1
        return chosen

    def _has_room(self, day: date, layer: str) -> bool:
        return layer not in self.limited or self.load[day, layer] < self.capacity.get((day, layer), 0)

    def _worked_on(self, day: date) -> date:
        place = bisect.bisect_right(self.workdays, day)
        return self.workdays[place - 1] if place else day
