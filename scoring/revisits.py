"""The revisit plan: when each live loan is revisited next, through which channel at least, and by which rule.

Pure and chained: a loan's row comes from its own facts and contacts and from its row in the base publication, nothing
else of the past. A published due date is brought forward by a tier, a trigger or a policy, and never pushed back until
the revisit is fulfilled. Sources: seeds/000 (large quarterly, small monthly), the rows of ``revisit_*``.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pandas as pd

from scoring.policy_rows import spread_hash
from scoring.revisit_contacts import Seen, by_loan
from scoring.revisit_policy import (
    FIRST_DUE_CHECK,
    PRE_DUE_REMINDER,
    SELF_SERVICE,
    SHORT_TERM_CHECKED,
    UNDER_60_DAYS,
    Cadence,
    RevisitPolicy,
)
from scoring.revisit_spread import Spread
from scoring.risk_tier import TIERS

LOAN_COLUMNS = (
    "loan_id", "borrower_id", "currency", "principal_amount", "disbursement_date", "first_due_date", "final_due_date",
    "oldest_unpaid_due_date", "risk_tier", "severity", "severity_change", "exemption_code",
)  # fmt: skip
PLAN_COLUMNS = (
    "loan_id", "borrower_id", "revisit_id", "revisit_type", "amount_band", "term_band", "risk_tier", "cadence_code",
    "cadence_days", "least_channel_code", "cycle_start_date", "due_date", "next_attempt_date", "attempt_count",
    "slot_code", "trigger_code", "trigger_date", "last_fulfilled_date", "last_fulfilled_channel_code",
    "last_fulfilled_due_date", "exemption_code", "reason_text_zh", "reason_text_en", "changes_on",
)  # fmt: skip
GAP_COLUMNS = ("loan_id", "borrower_id", "gap_code", "currency")
WORSENED = ("NEW", "UP", "REOPENED")
TRIGGER_OF_SEVERITY = {"RED": "WARNING_RED", "RED_CRITICAL": "WARNING_RED_CRITICAL"}
UNANSWERED = "SELF_SERVICE_UNANSWERED"
Row = dict[str, Any]


def plan_revisits(
    business_date: date,
    loans: pd.DataFrame,
    contacts: pd.DataFrame,
    base: pd.DataFrame,
    spread: Spread,
    policy: RevisitPolicy,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The plan of these loans and the loans that cannot have one, each sorted by loan_id.

    loans: LOAN_COLUMNS of live loans; ``severity`` None where there is no warning; ``exemption_code`` None or a code of
        ``revisit_exemption``.
    contacts: CONTACT_COLUMNS of their borrowers, known by the business date, in the order in which they happened.
    base: PLAN_COLUMNS of the base publication; missing for loans that were not planned before.
    spread: the days with room; it counts every due date of the base.
    """
    former = {row["loan_id"]: row for row in _records(base)}
    rows = _records(loans)
    seen = by_loan(rows, _records(contacts))
    # who is most at risk chooses first; then by hash, so that no number of a loan is favoured
    rows.sort(
        key=lambda loan: (-TIERS.index(loan["risk_tier"] or "LOW"), spread_hash(loan["loan_id"]), loan["loan_id"])
    )
    plans, gaps = [], []
    for loan in rows:
        gap = _gap(loan, policy)
        if gap is not None:
            gaps.append({name: loan.get(name) for name in GAP_COLUMNS} | {"gap_code": gap})
            continue
        planner = _Planner(
            business_date, loan, Seen(seen[loan["loan_id"]], policy), former.get(loan["loan_id"]), policy
        )
        plans.append(planner.row(spread))
    return _frame(plans, PLAN_COLUMNS), _frame(gaps, GAP_COLUMNS)


def _gap(loan: Row, policy: RevisitPolicy) -> str | None:
    """Why no plan can be made: a missing date or policy is shown, never replaced by a default."""
    if loan["disbursement_date"] is None or loan["final_due_date"] is None or loan["first_due_date"] is None:
        return "NO_TERM"
    band = policy.bands.amount_band(loan["currency"], loan["principal_amount"])
    if band is None or loan["risk_tier"] is None:
        return "NO_AMOUNT_BAND"
    term = (loan["final_due_date"] - loan["disbursement_date"]).days
    term_band = policy.bands.term_band(term)
    if term_band is None or policy.cadence(band, term_band, loan["risk_tier"], term) is None:
        return "NO_CADENCE"
    if loan["exemption_code"] is not None and loan["exemption_code"] not in policy.exemptions:
        return "UNKNOWN_EXEMPTION"
    return None


class _Planner:
    """One loan on one day."""

    def __init__(self, day: date, loan: Row, seen: Seen, base: Mapping[str, Any] | None, policy: RevisitPolicy) -> None:
        self.day, self.loan, self.seen, self.base, self.policy = day, loan, seen, base, policy
        term = (loan["final_due_date"] - loan["disbursement_date"]).days
        self.amount_band = str(policy.bands.amount_band(loan["currency"], loan["principal_amount"]))
        self.term_band = str(policy.bands.term_band(term))
        cadence = policy.cadence(self.amount_band, self.term_band, loan["risk_tier"], term)
        assert cadence is not None  # _gap has looked
        self.cadence: Cadence = cadence
        self.changes: list[date] = []

    def row(self, spread: Spread) -> Row:
        done = self._done()
        start: date = done["cycle_start_date"]
        exemption = self.loan["exemption_code"]
        check = None if exemption else self._short_term_check(done)
        if check == SHORT_TERM_CHECKED:
            exemption, check = SHORT_TERM_CHECKED, None
        trigger_code, trigger_date = (None, None) if check else self._trigger(start)
        channel = self._channel(trigger_code, check)
        attempts, last_attempt = (0, None) if exemption else self.seen.failed_attempts(start)
        retry = self.policy.retry(attempts) if attempts else None
        if retry is not None:
            channel = self.policy.strongest(channel, retry["least_channel_code"])
        due = None if exemption else self._due(start, check, trigger_code, trigger_date, channel, spread)
        next_attempt = due
        if retry is not None and last_attempt is not None:
            next_attempt = self._retry_on(last_attempt + timedelta(days=int(retry["wait_days"])), attempts, start, due)
            if due is not None and trigger_date is not None and trigger_date > last_attempt:
                next_attempt = min(next_attempt, due)
        revisit_type = self._type(exemption, check, trigger_code, attempts)
        text_zh, text_en = self._texts(exemption, check, trigger_code, trigger_date, retry)
        return {
            "loan_id": self.loan["loan_id"],
            "borrower_id": self.loan["borrower_id"],
            "revisit_id": f"{self.loan['loan_id']}-{start:%Y%m%d}",
            "revisit_type": revisit_type,
            "amount_band": self.amount_band,
            "term_band": self.term_band,
            "risk_tier": self.loan["risk_tier"],
            "cadence_code": self.cadence.code,
            "cadence_days": self.cadence.days,
            "least_channel_code": channel,
            "due_date": due,
            "next_attempt_date": next_attempt,
            "attempt_count": attempts,
            "slot_code": retry["slot_code"] if retry is not None else None,
            "trigger_code": trigger_code,
            "trigger_date": trigger_date,
            "exemption_code": exemption,
            "reason_text_zh": text_zh,
            "reason_text_en": text_en,
            "changes_on": min((day for day in self.changes if day > self.day), default=None),
            **done,
        }

    def _retry_on(self, waited_until: date, attempts: int, start: date, due: date | None) -> date:
        """When to try again. What failed long before the first plan does not all come at once: it waits for its day."""
        base = self.base
        if due is None or (base is None and waited_until > self.day):
            return waited_until
        if base is None:
            return due
        if base["cycle_start_date"] != start or base["due_date"] is None or base["attempt_count"] != attempts:
            return waited_until
        published: date = base["next_attempt_date"]
        return min(published, due) if due < base["due_date"] else published

    def _done(self) -> Row:
        """Since when the cycle runs and what ended the one before."""
        names = ("cycle_start_date", "last_fulfilled_date", "last_fulfilled_channel_code", "last_fulfilled_due_date")
        after = self.base["cycle_start_date"] if self.base else None
        wanted = self.base["trigger_code"] if self.base else None
        # an invitation that was answered late has been answered
        least = self._channel(wanted if wanted in self.policy.triggers and wanted != UNANSWERED else None, None)
        contact = self.seen.fulfilled(least, after)
        if contact is not None:
            promised = self.base["due_date"] if self.base else None
            return dict(
                zip(
                    names,
                    (contact["contact_date"], contact["contact_date"], contact["channel_code"], promised),
                    strict=True,
                )
            )
        if self.base:
            return {name: self.base[name] for name in names}
        return dict(zip(names, (self.loan["disbursement_date"], None, None, None), strict=True))

    def _short_term_check(self, done: Row) -> str | None:
        """Which check of a loan under 60 days is next; SHORT_TERM_CHECKED: both are behind it; None: a cadence."""
        if self.term_band != UNDER_60_DAYS:
            return None
        first_due: date = self.loan["first_due_date"]
        self.changes += [first_due, first_due + timedelta(days=1)]
        if self.day < first_due:
            return PRE_DUE_REMINDER
        if self.loan["oldest_unpaid_due_date"] is None and self.day > first_due:
            return SHORT_TERM_CHECKED
        if done["last_fulfilled_date"] is None or done["last_fulfilled_date"] <= self._checked_date():
            return FIRST_DUE_CHECK
        return None

    def _checked_date(self) -> date:
        """The due date that a check of a short loan is about: the oldest that stands unpaid, else the first."""
        checked: date = self.loan["oldest_unpaid_due_date"] or self.loan["first_due_date"]
        return checked

    def _trigger(self, start: date) -> tuple[str | None, date | None]:
        """What brings the revisit of this cycle forward most: what did before, or what was seen since."""
        found: list[tuple[str, date]] = []
        if self.base and self.base["cycle_start_date"] == start and self.base["trigger_code"] in self.policy.triggers:
            found.append((self.base["trigger_code"], self.base["trigger_date"]))
        if self.loan["severity_change"] in WORSENED and self.loan["severity"] in TRIGGER_OF_SEVERITY:
            found.append((TRIGGER_OF_SEVERITY[self.loan["severity"]], self.day))
        worrying = self.seen.worrying_date(start)
        if worrying is not None:
            found.append(("WORRYING_ANSWER", worrying))
        # where a person has to ask, nobody waits for the app
        asks_itself = self.policy.layer(self.cadence.channel) == SELF_SERVICE
        unanswered = self.seen.unanswered_since(start) if asks_itself else None
        if unanswered is not None:
            self.changes.append(unanswered)
            if unanswered <= self.day:
                found.append((UNANSWERED, unanswered))
        found = [one for one in found if one[0] in self.policy.triggers]
        return min(found, key=lambda one: (self._wanted_by(*one), one[1], one[0]), default=(None, None))

    def _wanted_by(self, trigger_code: str, trigger_date: date) -> date:
        return trigger_date + timedelta(days=int(self.policy.triggers[trigger_code]["due_days"]))

    def _channel(self, trigger_code: str | None, check: str | None) -> str:
        if check is not None:
            return self.policy.short_term[check]["least_channel_code"]
        if trigger_code is None:
            return self.cadence.channel
        return self.policy.strongest(self.cadence.channel, self.policy.triggers[trigger_code]["least_channel_code"])

    def _due(
        self,
        start: date,
        check: str | None,
        trigger_code: str | None,
        trigger_date: date | None,
        channel: str,
        spread: Spread,
    ) -> date:
        if check is not None:
            first = self._checked_date() if check == FIRST_DUE_CHECK else self.loan["first_due_date"]
            planned: date = first + timedelta(days=int(self.policy.short_term[check]["offset_days"]))
            paid_out: date = self.loan["disbursement_date"]
            return max(planned, paid_out)
        tomorrow = self.day + timedelta(days=1)
        base = self.base
        is_same_cycle = base is not None and base["cycle_start_date"] == start and base["due_date"] is not None
        due = self._regular(start, trigger_code, channel, tomorrow, spread, is_same_cycle=is_same_cycle)
        if base is None or not is_same_cycle:
            known: tuple[Any, Any] = (None, None)
        else:
            known = (base["trigger_code"], base["trigger_date"])
            published: date = base["due_date"]
            due = min(due, published)
        if base is not None and trigger_code and trigger_date and known != (trigger_code, trigger_date):
            due = min(due, max(self._wanted_by(trigger_code, trigger_date), tomorrow))
        return due

    def _regular(
        self,
        start: date,
        trigger_code: str | None,
        channel: str,
        tomorrow: date,
        spread: Spread,
        *,
        is_same_cycle: bool,
    ) -> date:
        """The day that the cadence gives. What would all be due at once, on first load and after a change of policy, is
        spread over one cadence; what is at risk comes first.
        """
        natural = start + timedelta(days=self.cadence.days)
        base, loan_id, layer = self.base, self.loan["loan_id"], self.policy.layer(channel)
        if base is not None:
            if is_same_cycle and base["cadence_days"] == self.cadence.days:
                published: date = base["due_date"]
                return published
            is_own_change = not is_same_cycle or (
                (base["risk_tier"], base["amount_band"], base["term_band"])
                != (self.loan["risk_tier"], self.amount_band, self.term_band)
            )
            if natural >= tomorrow or is_own_change:
                return max(natural, tomorrow)
        elif natural >= tomorrow and trigger_code is None:
            return spread.place_before(layer, natural, tomorrow)
        days = int(self.policy.triggers[trigger_code]["due_days"]) if trigger_code else self.cadence.days
        at_risk = trigger_code is not None or TIERS.index(self.loan["risk_tier"]) >= TIERS.index("HIGH")
        return spread.place(loan_id, layer, tomorrow, days, soonest=at_risk)

    def _type(self, exemption: str | None, check: str | None, trigger_code: str | None, attempts: int) -> str:
        if exemption is not None:
            return "EXEMPT"
        if attempts and check is None:
            return "RETRY"
        return check or ("TRIGGERED" if trigger_code else "SCHEDULED")

    def _texts(
        self,
        exemption: str | None,
        check: str | None,
        trigger_code: str | None,
        trigger_date: date | None,
        retry: Mapping[str, str] | None,
    ) -> tuple[str, str]:
        """Why it is due, in Chinese and English, from the policy row that decided."""
        facts = {
            "cadence_days": self.cadence.days,
            "first_due_date": self.loan["first_due_date"],
            "trigger_date": trigger_date,
        }
        if exemption is not None:
            rows = [self.policy.exemptions[exemption]]
        else:
            rows = [self.policy.short_term[check] if check else self.cadence.text]
            rows += [self.policy.triggers[trigger_code]] if trigger_code else []
            rows += [retry] if retry is not None else []
        texts = [
            (row["text_zh"].format_map({**row, **facts}), row["text_en"].format_map({**row, **facts})) for row in rows
        ]
        return "；".join(zh for zh, _ in texts), "; ".join(en for _, en in texts)


def _records(frame: pd.DataFrame) -> list[Row]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _frame(rows: list[Row], columns: tuple[str, ...]) -> pd.DataFrame:
    rows = sorted(rows, key=lambda row: str(row["loan_id"]))
    return pd.DataFrame(rows, columns=list(columns), dtype=object)
