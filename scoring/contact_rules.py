"""Whether a planned contact is allowed, in which hours, and if not, which rule forbids it.

Pure: planned contacts, the contacts there have been, stop events and the dated policy in; allowed windows and
suppressions out. Every planned contact is in exactly one of the two. With ``planned_at`` the same function answers the
replay: would this call have been lawful at that moment?

Sources of the rules: the rows of ``contact_rule`` and ``contact_stop_rule``.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from scoring.contact_hours import Interval, allowed_intervals, longest
from scoring.contact_policy import CAP, CONSENT, HOURS, PARTY, ContactPolicy, ContactRule, ReasonText

PLANNED_COLUMNS = (
    "contact_id", "borrower_id", "loan_id", "phone_token", "channel_code", "stated_purpose_code", "party_code",
    "entity_code", "timezone", "contact_date", "planned_at", "days_past_due", "failed_attempt_count",
    "has_agreed_to_hours", "has_third_party_consent",
)  # fmt: skip
HISTORY_COLUMNS = ("borrower_id", "loan_id", "phone_token", "channel_code", "started_at", "is_connected", "is_inbound")
STOP_COLUMNS = ("borrower_id", "stop_code", "stopped_at", "released_at")
ALLOWED_COLUMNS = (
    "contact_id", "borrower_id", "purpose_code", "window_start_at", "window_end_at", "local_from_time", "local_to_time",
    "remaining_dial_count", "remaining_conversation_count", "rule_codes",
)  # fmt: skip
SUPPRESSED_COLUMNS = (
    "contact_id", "borrower_id", "loan_id", "channel_code", "purpose_code", "contact_date", "blocked_rule_code",
    "next_allowed_date", "reason_text_zh", "reason_text_en",
)  # fmt: skip
NO_HOURS = ReasonText("当日没有同时符合各项规则的联系时段", "no hour of the day is allowed by all rules together")
DIAL, CONNECTED = "DIAL", "CONNECTED"


def check_contacts(
    planned: pd.DataFrame, history: pd.DataFrame, stops: pd.DataFrame, policy: ContactPolicy
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Allowed windows and suppressions, each sorted by contact_id.

    planned: PLANNED_COLUMNS, in the order of priority: an allowed contact counts, as a dial and as a conversation,
        against the caps of those after it. ``contact_date`` is the lender's day; ``planned_at`` a moment or None.
    history: HISTORY_COLUMNS; what began at ``planned_at`` or later does not count.
    stops: STOP_COLUMNS; ``released_at`` None while the stop stands.
    Moments are aware; windows are returned in UTC, with the borrower's clock beside them.
    """
    day = _Day(policy, history, stops)
    allowed: list[dict[str, Any]] = []
    suppressed: list[dict[str, Any]] = []
    for contact in _records(planned):
        verdict = day.judge(contact)
        (suppressed if "blocked_rule_code" in verdict else allowed).append(verdict)
    return _frame(allowed, ALLOWED_COLUMNS), _frame(suppressed, SUPPRESSED_COLUMNS)


def derived_purpose(stated: str, days_past_due: int, policy: ContactPolicy) -> str:
    """Any contact with who is past due, or in which debt is raised, is COLLECTION, whatever list it came from."""
    return "COLLECTION" if days_past_due >= policy.collection_from_days_past_due else stated


class _Day:
    """The counts as they stand while the planned contacts are gone through."""

    def __init__(self, policy: ContactPolicy, history: pd.DataFrame, stops: pd.DataFrame) -> None:
        self.policy = policy
        self.events: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.stops: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.windows: dict[tuple[Any, ...], list[Interval]] = {}
        for event in _records(history):
            self.events[event["borrower_id"]].append(event)
        for stop in _records(stops):
            self.stops[stop["borrower_id"]].append(stop)

    def judge(self, contact: Mapping[str, Any]) -> dict[str, Any]:
        purpose = derived_purpose(contact["stated_purpose_code"], contact["days_past_due"], self.policy)
        zone = ZoneInfo(contact["timezone"])
        rules = self.policy.rules_for(
            contact["timezone"], contact["entity_code"], purpose, contact["channel_code"], contact["party_code"]
        )
        if contact["has_agreed_to_hours"]:
            rules = tuple(rule for rule in rules if not rule.agreement_lifts)
        intervals = self._intervals(contact["contact_date"], rules, zone)
        window = _window(intervals, contact["planned_at"])
        moment = contact["planned_at"] or (window or self._whole_day(contact["contact_date"]))[0]

        stop = self._stop(contact, purpose, moment)
        if stop is not None:
            return _blocked(contact, purpose, stop, self._stop_text(stop))
        for rule in rules:
            if _is_about_others(rule, contact):
                return _blocked(contact, purpose, rule.code, rule.text)
        if window is None:
            tightest = _tightest(rules, moment, zone, self.policy.lender_zone) if contact["planned_at"] else None
            code, text = (tightest.code, tightest.text) if tightest else ("no_common_hours", NO_HOURS)
            return _blocked(contact, purpose, code, text)

        local_day = moment.astimezone(zone).date()
        remaining: dict[str, int] = {}
        for rule in rules:
            if rule.kind != CAP:
                continue
            days = self._counted_days(rule, contact, zone, local_day, moment)
            left = rule.limit_count - len(days)
            if left <= 0:
                free_on = sorted(days)[-rule.limit_count] + timedelta(days=rule.period_days)
                return _blocked(contact, purpose, rule.code, rule.text, free_on)
            remaining[rule.counting_event] = min(left, remaining.get(rule.counting_event, left))
        self._count(contact, moment)
        return {
            "contact_id": contact["contact_id"],
            "borrower_id": contact["borrower_id"],
            "purpose_code": purpose,
            "window_start_at": window[0],
            "window_end_at": window[1],
            "local_from_time": _clock(window[0], zone),
            "local_to_time": _clock(window[1], zone),
            "remaining_dial_count": remaining.get(DIAL),
            "remaining_conversation_count": remaining.get(CONNECTED),
            "rule_codes": ",".join(rule.code for rule in rules),
        }

    def _intervals(self, day: date, rules: tuple[ContactRule, ...], zone: ZoneInfo) -> list[Interval]:
        hours = tuple(rule for rule in rules if rule.kind == HOURS)
        key = (day, zone.key, *(rule.code for rule in hours))
        if key not in self.windows:
            self.windows[key] = allowed_intervals(day, hours, zone, self.policy.lender_zone)
        return self.windows[key]

    def _whole_day(self, day: date) -> Interval:
        return allowed_intervals(day, (), self.policy.lender_zone, self.policy.lender_zone)[0]

    def _stop(self, contact: Mapping[str, Any], purpose: str, moment: datetime) -> str | None:
        """The first stop, by code, that stands and speaks of such a contact; an unknown code stops everything."""
        standing = []
        for stop in self.stops[contact["borrower_id"]]:
            rule = self.policy.stops.get(stop["stop_code"])
            is_over = stop["released_at"] is not None and stop["released_at"] <= moment
            if rule is not None and rule.lasts_days is not None:
                is_over = is_over or stop["stopped_at"] + timedelta(days=rule.lasts_days) <= moment
            # a plan is made before the moment: what is known when it is made counts, so only a replay looks at the hour
            has_begun = contact["planned_at"] is None or stop["stopped_at"] <= moment
            speaks = rule is None or (
                bool(rule.purposes & {purpose, "ANY"}) and bool(rule.parties & {contact["party_code"], "ANY"})
            )
            if has_begun and speaks and not is_over:
                standing.append(str(stop["stop_code"]))
        return min(standing, default=None)

    def _stop_text(self, code: str) -> ReasonText:
        rule = self.policy.stops.get(code)
        return rule.text if rule else ReasonText(f"停止联系：{code}", f"contact was stopped: {code}")

    def _counted_days(
        self, rule: ContactRule, contact: Mapping[str, Any], zone: ZoneInfo, local_day: date, moment: datetime
    ) -> list[date]:
        """The borrower's local day of every event that counts for this cap, inside its period."""
        first = local_day - timedelta(days=rule.period_days - 1)
        days = []
        for event in self.events[contact["borrower_id"]]:
            if not _counts(rule, event, contact) or (event["started_at"] >= moment and not event.get("is_planned")):
                continue
            event_day = event["started_at"].astimezone(zone).date()
            if first <= event_day <= local_day:
                days.append(event_day)
        return days

    def _count(self, contact: Mapping[str, Any], moment: datetime) -> None:
        self.events[contact["borrower_id"]].append(
            {
                "loan_id": contact["loan_id"],
                "phone_token": contact["phone_token"],
                "channel_code": contact["channel_code"],
                "started_at": moment,
                "is_connected": True,
                "is_inbound": False,
                "is_planned": True,
            }
        )


def _window(intervals: list[Interval], planned_at: datetime | None) -> Interval | None:
    """The longest allowed part of the day, or the one in which the moment lies."""
    if planned_at is None:
        return longest(intervals)
    return next((one for one in intervals if one[0] <= planned_at < one[1]), None)


def _tightest(
    rules: tuple[ContactRule, ...], moment: datetime, borrower_zone: ZoneInfo, lender_zone: ZoneInfo
) -> ContactRule | None:
    """The first rule whose own hours do not hold the moment."""
    for rule in rules:
        if rule.kind == HOURS:
            clock = moment.astimezone(borrower_zone if rule.zone_basis == "BORROWER" else lender_zone).time()
            if not rule.from_time <= clock < rule.to_time:
                return rule
    return None


def _is_about_others(rule: ContactRule, contact: Mapping[str, Any]) -> bool:
    if rule.kind == CONSENT:
        return not contact["has_third_party_consent"]
    return rule.kind == PARTY and contact["failed_attempt_count"] < rule.limit_count


def _counts(rule: ContactRule, event: Mapping[str, Any], contact: Mapping[str, Any]) -> bool:
    """Whether the event is one that the rule counts. What says nothing of a loan or a number counts for every one."""
    if "ANY" not in rule.channels and event["channel_code"] not in rule.channels:
        return False
    if event["is_inbound"] and not rule.counts_inbound:
        return False
    if rule.counting_event == CONNECTED and not event["is_connected"]:
        return False
    if rule.counting_scope == "BORROWER":
        return True
    name = "loan_id" if rule.counting_scope == "LOAN" else "phone_token"
    return contact[name] is None or event[name] is None or bool(event[name] == contact[name])


def _blocked(
    contact: Mapping[str, Any], purpose: str, code: str, text: ReasonText, next_allowed: date | None = None
) -> dict[str, Any]:
    return {
        "contact_id": contact["contact_id"],
        "borrower_id": contact["borrower_id"],
        "loan_id": contact["loan_id"],
        "channel_code": contact["channel_code"],
        "purpose_code": purpose,
        "contact_date": contact["contact_date"],
        "blocked_rule_code": code,
        "next_allowed_date": next_allowed,
        "reason_text_zh": text.zh,
        "reason_text_en": text.en,
    }


def _clock(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).strftime("%H:%M")


def _frame(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    rows = sorted(rows, key=lambda row: str(row["contact_id"]))
    return pd.DataFrame(rows, columns=list(columns), dtype=object)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
