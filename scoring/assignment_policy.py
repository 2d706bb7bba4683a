"""Prices, roles, skills and reach of the assignment as values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from scoring.policy_rows import PolicyError, PolicyRow, codes_of, truth, valid_on

PRICES = (
    "unserved_low", "unserved_medium", "unserved_high", "unserved_critical", "unserved_hard_due", "waiting_day",
    "waiting_days_counted", "change_of_officer", "change_of_holder", "missing_preferred_skill", "other_region_voice",
    "load_second", "load_last", "load_free_share", "load_second_share",
)  # fmt: skip
SAME_REGION = 0


@dataclass(frozen=True)
class AssignmentPolicy:
    prices: Mapping[str, int]
    roles: Mapping[tuple[str, str], frozenset[str]]
    reach: Mapping[tuple[str, str], int]
    required_skills: Mapping[str, str]
    preferred_skills: Mapping[str, str]
    texts: Mapping[str, tuple[str, str]]

    def region_price(self, layer: str, officer_region: str | None, item_region: str | None) -> int | None:
        """What the way costs; None: the officer does not go there."""
        if officer_region is not None and officer_region == item_region:
            return SAME_REGION
        reached = self.reach.get((officer_region or "", item_region or ""))
        if reached is not None:
            return reached
        return self.prices["other_region_voice"] if layer == "VOICE" else None

    def unserved_price(self, tier: str, waiting_days: int, *, is_hard_due: bool) -> int:
        """What leaving the item costs. It rises with every day of waiting, so nothing waits for ever at steady load."""
        counted = min(max(waiting_days, 0), self.prices["waiting_days_counted"])
        price = self.prices[f"unserved_{tier.lower()}"] + counted * self.prices["waiting_day"]
        return price + self.prices["unserved_hard_due"] if is_hard_due else price

    def load_segments(self, capacity: int) -> list[tuple[int, int]]:
        """(items, price of each) of an officer's day: the last ones are dearer, so work is shared out fairly."""
        free = -(-capacity * self.prices["load_free_share"] // 100)
        second = min(-(-capacity * self.prices["load_second_share"] // 100), capacity - free)
        parts = [(free, 0), (second, self.prices["load_second"]), (capacity - free - second, self.prices["load_last"])]
        return [(count, price) for count, price in parts if count > 0]


def assignment_policy(day: date, rows: Mapping[str, Iterable[PolicyRow]]) -> AssignmentPolicy:
    """From the rows of ``assignment_*``, by policy name. Raises PolicyError naming the price that is missing."""
    valid = {name: valid_on(of_policy, day) for name, of_policy in rows.items()}
    prices = {row["price_code"]: int(row["price"]) for row in valid["assignment_price"]}
    missing = [code for code in PRICES if prices.get(code, -1) < 0]
    if missing:
        raise PolicyError(f"assignment_price: {', '.join(missing)} is missing or below zero on {day}")
    if prices["load_free_share"] + prices["load_second_share"] > 100 or prices["load_last"] < prices["load_second"]:
        raise PolicyError("assignment_price: the parts of a day are at most 100 percent and never become cheaper")
    skills = {True: dict[str, str](), False: dict[str, str]()}
    for row in valid["assignment_skill"]:
        skills[truth(row["is_required"])][row["fact_code"]] = row["skill_code"]
    return AssignmentPolicy(
        prices=prices,
        roles={
            (row["channel_layer"], row["purpose_code"]): codes_of(row["role_codes"]) for row in valid["assignment_role"]
        },
        reach={
            (row["officer_region_code"], row["item_region_code"]): int(row["price"])
            for row in valid["assignment_reach"]
        },
        required_skills=skills[True],
        preferred_skills=skills[False],
        texts={row["reason_code"]: (row["text_zh"], row["text_en"]) for row in valid["assignment_reason"]},
    )
