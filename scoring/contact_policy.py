"""The dated contact rules as values: read once, checked at the edge, so that a typing error never reaches a borrower.

Rules only ever restrict: all that apply bind together. So the strictest wins by construction, and a row that nobody has
verified (``is_verified`` false) can tighten and never loosen; that is also why it may not carry ``agreement_lifts``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, time
from zoneinfo import ZoneInfo

from scoring.policy_rows import ANY, PolicyError, PolicyRow, codes_of, covers, is_valid_on, truth, valid_on, whole

HOURS, CAP, PARTY, CONSENT = "HOURS", "CAP", "PARTY", "CONSENT"
# what a row of each kind must state beside whom it binds
NEEDS = {
    HOURS: ("zone_basis", "from_time", "to_time"),
    CAP: ("counting_scope", "counting_event", "counts_inbound", "limit_count", "period_days"),
    PARTY: ("limit_count",),
    CONSENT: (),
}
CHOICES = {
    "zone_basis": ("BORROWER", "LENDER"),
    "counting_scope": ("BORROWER", "LOAN", "NUMBER"),
    "counting_event": ("DIAL", "CONNECTED"),
}


@dataclass(frozen=True)
class ReasonText:
    zh: str
    en: str


@dataclass(frozen=True)
class ContactRule:
    """One row of ``contact_rule``. ``limit_count`` events are allowed in ``period_days`` local days, today included."""

    code: str
    jurisdiction: str
    kind: str
    entities: frozenset[str]
    purposes: frozenset[str]
    channels: frozenset[str]
    parties: frozenset[str]
    zone_basis: str
    from_time: time
    to_time: time
    counting_scope: str
    counting_event: str
    counts_inbound: bool
    limit_count: int
    period_days: int
    agreement_lifts: bool
    text: ReasonText

    def binds(self, entity: str, purpose: str, channel: str, party: str) -> bool:
        return (
            covers(self.entities, entity)
            and covers(self.purposes, purpose)
            and covers(self.channels, channel)
            and covers(self.parties, party)
        )


@dataclass(frozen=True)
class StopRule:
    code: str
    purposes: frozenset[str]
    parties: frozenset[str]
    lasts_days: int | None
    text: ReasonText


@dataclass(frozen=True)
class ContactPolicy:
    """What is valid on one day. ``jurisdictions`` by zone; a zone without an entry is bound by the rules of all."""

    rules: tuple[ContactRule, ...]
    stops: Mapping[str, StopRule]
    jurisdictions: Mapping[str, str]
    collection_from_days_past_due: int
    lender_zone: ZoneInfo

    def rules_for(self, zone: str, entity: str, purpose: str, channel: str, party: str) -> tuple[ContactRule, ...]:
        """The rules that bind such a contact, in the order of their codes."""
        law = self.jurisdictions.get(zone, ANY)
        return tuple(
            rule
            for rule in self.rules
            if (ANY in (law, rule.jurisdiction) or law == rule.jurisdiction)
            and rule.binds(entity, purpose, channel, party)
        )


def contact_policy(
    day: date,
    rules: Iterable[PolicyRow],
    stops: Iterable[PolicyRow],
    jurisdictions: Iterable[PolicyRow],
    parameters: Iterable[PolicyRow],
    lender_zone: str,
) -> ContactPolicy:
    """The policy of one day, from the rows of ``contact_rule``, ``contact_stop_rule``, ``contact_jurisdiction`` and
    ``contact_parameter``. Raises PolicyError naming the row that nobody could follow.
    """
    numbers = {row["parameter_code"]: int(row["parameter_value"]) for row in valid_on(parameters, day)}
    if "collection_from_days_past_due" not in numbers:
        raise PolicyError(f"contact_parameter has no collection_from_days_past_due valid on {day}")
    return ContactPolicy(
        rules=tuple(
            sorted(
                (_rule(row) for row in rules if is_valid_on(row, day) and truth(row["is_enabled"])),
                key=lambda rule: rule.code,
            )
        ),
        stops={row["stop_code"]: _stop(row) for row in valid_on(stops, day)},
        jurisdictions={row["timezone"]: row["jurisdiction_code"] for row in valid_on(jurisdictions, day)},
        collection_from_days_past_due=numbers["collection_from_days_past_due"],
        lender_zone=ZoneInfo(lender_zone),
    )


def _rule(row: PolicyRow) -> ContactRule:
    code, kind = row["rule_code"], row["rule_kind"]
    if kind not in NEEDS:
        raise PolicyError(f"contact_rule {code}: {kind!r} is no kind of rule")
    for name in NEEDS[kind]:
        if not row[name] or row[name] not in CHOICES.get(name, (row[name],)):
            raise PolicyError(f"contact_rule {code}: {kind} needs {name}, not {row[name]!r}")
    if truth(row["agreement_lifts"]) and not truth(row["is_verified"]):
        raise PolicyError(f"contact_rule {code}: a row that nobody has verified may only tighten, never be lifted")
    rule = ContactRule(
        code=code,
        jurisdiction=row["jurisdiction_code"],
        kind=kind,
        entities=codes_of(row["entity_codes"]),
        purposes=codes_of(row["purpose_codes"]),
        channels=codes_of(row["channel_codes"]),
        parties=codes_of(row["party_codes"]),
        zone_basis=row["zone_basis"],
        from_time=time.fromisoformat(row["from_time"] or "00:00"),
        to_time=time.fromisoformat(row["to_time"] or "00:00"),
        counting_scope=row["counting_scope"],
        counting_event=row["counting_event"],
        counts_inbound=row["counts_inbound"] == "true",
        limit_count=whole(row["limit_count"]) or 0,
        period_days=whole(row["period_days"]) or 0,
        agreement_lifts=truth(row["agreement_lifts"]),
        text=_text(row),
    )
    if kind == HOURS and rule.from_time >= rule.to_time:
        raise PolicyError(f"contact_rule {code}: allowed hours begin before they end, on one day")
    if kind == CAP and (rule.period_days < 1 or rule.limit_count < 1):
        raise PolicyError(f"contact_rule {code}: a cap counts at least one event in at least one day")
    return rule


def _stop(row: PolicyRow) -> StopRule:
    return StopRule(
        code=row["stop_code"],
        purposes=codes_of(row["purpose_codes"]),
        parties=codes_of(row["party_codes"]),
        lasts_days=whole(row["lasts_days"]),
        text=ReasonText(row["text_zh"], row["text_en"]),
    )


def _text(row: PolicyRow) -> ReasonText:
    return ReasonText(row["text_zh"].format_map(row), row["text_en"].format_map(row))
