"""Who may work an item at all, what each of them would cost, and why nobody may."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scoring.assignment_policy import AssignmentPolicy


@dataclass(frozen=True)
class Officer:
    officer_id: str
    role: str
    region: str | None
    skills: frozenset[str]
    languages: frozenset[str]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Officer":
        return cls(
            row["officer_id"],
            row["role_code"],
            row["region_code"],
            _codes(row["skill_codes"]),
            _codes(row["language_codes"]),
        )


@dataclass(frozen=True)
class Kind:
    """What of an item decides who may work it and at what price: items of one kind are alike to every officer."""

    layer: str
    purpose: str
    region: str | None
    language: str | None
    facts: frozenset[str]

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> "Kind":
        return cls(
            item["channel_layer"],
            item["purpose_code"],
            item["region_code"],
            item["language_code"],
            _codes(item["fact_codes"]),
        )

    @property
    def key(self) -> str:
        return "|".join(
            (self.layer, self.purpose, self.region or "", self.language or "", ";".join(sorted(self.facts)))
        )


def eligible(kind: Kind, officers: Sequence[Officer], policy: AssignmentPolicy) -> tuple[dict[str, int], str | None]:
    """Prices by officer, and when there is nobody, the first condition that nobody met."""
    roles = policy.roles.get((kind.layer, kind.purpose), frozenset())
    required = {policy.required_skills[fact] for fact in kind.facts if fact in policy.required_skills}
    preferred = {policy.preferred_skills[fact] for fact in kind.facts if fact in policy.preferred_skills}
    left = [officer for officer in officers if officer.role in roles]
    if not left:
        return {}, "NO_ROLE"
    ways = {officer.officer_id: policy.region_price(kind.layer, officer.region, kind.region) for officer in left}
    left = [officer for officer in left if ways[officer.officer_id] is not None]
    if not left:
        return {}, "NO_OFFICER_IN_REGION"
    left = [officer for officer in left if required <= officer.skills]
    if not left:
        return {}, "NO_SKILL"
    # who states no language speaks the country's; who states some is asked in one of them
    left = [
        officer for officer in left if kind.language is None or kind.language in (officer.languages or {kind.language})
    ]
    if not left:
        return {}, "NO_LANGUAGE"
    dear = policy.prices["missing_preferred_skill"]
    return {
        officer.officer_id: (ways[officer.officer_id] or 0) + dear * len(preferred - officer.skills) for officer in left
    }, None


def _codes(cell: str | None) -> frozenset[str]:
    return frozenset(cell.split(";")) if cell else frozenset()
