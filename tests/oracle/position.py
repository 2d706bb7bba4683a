"""One loan on one day, computed from its rows in effect. Rules: DESIGN.md section 4."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from tests.oracle.landing_text import DUE_AMOUNTS, Delivery, Landing, Row, in_effect

ZERO = Decimal("0.00")
BUCKET_ENDS = ((0, "CURRENT"), (30, "M1"), (60, "M2"), (90, "M3"), (120, "M4"), (150, "M5"), (180, "M6"))
OWES_NOTHING = {"CLOSED", "CANCELLED"}
NO_PRINCIPAL_LEFT = {"PAID_OFF", "CLOSED", "CANCELLED", "PENDING"}


@dataclass(frozen=True)
class Instalment:
    due_date: date
    due: Decimal
    principal: Decimal
    due_before: Decimal
    """What was due by the instalments before this one."""

    def unpaid(self, paid: Decimal) -> Decimal:
        """The part of it that ``paid``, oldest instalment first, leaves open."""
        return min(self.due, max(ZERO, self.due_before + self.due - paid))

    def principal_covered(self, paid: Decimal) -> Decimal:
        """Fee, penalty and interest come first, principal takes the rest."""
        return max(ZERO, self.due - self.unpaid(paid) - (self.due - self.principal))


@dataclass(frozen=True)
class Schedule:
    effective_date: date
    instalments: tuple[Instalment, ...]


@dataclass(frozen=True)
class Position:
    """What the oracle says of a loan. With an exclusion reason everything else is as empty as it can be."""

    loan_status: str
    exclusion_reason_code: str | None = None
    days_past_due: int = 0
    days_past_due_original_schedule: int = 0
    delinquency_bucket: str = "CURRENT"
    oldest_unpaid_due_date: date | None = None
    past_due_amount: Decimal = ZERO
    principal_outstanding_amount: Decimal = ZERO
    paid_to_date_amount: Decimal = ZERO
    due_to_date_amount: Decimal = ZERO
    paid_off_date: date | None = None

    @property
    def is_live(self) -> bool:
        return self.loan_status == "ACTIVE"


class Oracle:
    """Positions from the landing folder, for any (business_date, known_date)."""

    def __init__(self, landing: Path, tolerance: Mapping[str, Decimal]) -> None:
        """``tolerance``: what may stay unpaid of an instalment, by currency; a loan in another is excluded."""
        self._landing = Landing(landing)
        self.tolerance = tolerance
        self.deliveries: list[Delivery] = []
        self.read_again()

    def read_again(self) -> None:
        """Take in what has arrived since."""
        self.deliveries = self._landing.read()

    def positions(self, business_date: date, known_date: date | None = None) -> dict[str, Position]:
        """Every loan of which any row is in effect, by loan_id."""
        known_date = known_date or business_date
        contracts = {
            loan_id: rows[0]
            for (loan_id,), rows in in_effect(self.deliveries, "loan_contract", business_date, known_date).items()
        }
        schedules: dict[str, dict[int, Schedule]] = {}
        for (loan_id, version), rows in in_effect(
            self.deliveries, "repayment_schedule", business_date, known_date
        ).items():
            schedules.setdefault(loan_id, {})[int(version)] = schedule_of(rows)
        payments: dict[str, list[tuple[date, Decimal]]] = {}
        for rows in in_effect(self.deliveries, "repayment_transaction", business_date, known_date).values():
            payment = (date.fromisoformat(str(rows[0]["value_date"])), Decimal(str(rows[0]["amount"])))
            payments.setdefault(str(rows[0]["loan_id"]), []).append(payment)
        return {
            loan_id: self._position(
                contracts.get(loan_id), schedules.get(loan_id, {}), payments.get(loan_id, []), business_date
            )
            for loan_id in sorted(contracts.keys() | schedules.keys() | payments.keys())
        }

    def _position(
        self, contract: Row | None, schedules: dict[int, Schedule], payments: list[tuple[date, Decimal]], today: date
    ) -> Position:
        if contract is None:
            return Position("EXCLUDED", "NO_CONTRACT")
        if not schedules:
            return Position("EXCLUDED", "NO_SCHEDULE")
        tolerance = self.tolerance.get(str(contract["currency"]))
        if tolerance is None:
            return Position("EXCLUDED", "NO_CURRENCY_POLICY")
        return position(contract, schedules, payments, today, tolerance)


def schedule_of(rows: Iterable[Row]) -> Schedule:
    """The instalments of one schedule version in their order."""
    instalments = []
    due_before = ZERO
    for row in sorted(rows, key=lambda row: int(str(row["instalment_number"]))):
        due = sum((Decimal(str(row[column])) for column in DUE_AMOUNTS), ZERO)
        principal = Decimal(str(row["principal_due_amount"]))
        instalments.append(Instalment(date.fromisoformat(str(row["due_date"])), due, principal, due_before))
        due_before += due
    return Schedule(date.fromisoformat(str(rows[0]["schedule_effective_date"])), tuple(instalments))


def position(
    contract: Row,
    schedules: dict[int, Schedule],
    payments: list[tuple[date, Decimal]],
    today: date,
    tolerance: Decimal,
) -> Position:
    """The position of one loan at the end of ``today``."""
    schedule = in_force(schedules, today)
    paid = paid_for(schedules, payments, today)
    paid_to_date = sum((amount for on, amount in payments if on <= today), ZERO)
    oldest = oldest_unpaid(schedule, paid, today, tolerance)
    past_due = ZERO
    if oldest is not None:
        past_due = sum((each.unpaid(paid) for each in schedule.instalments if each.due_date < today), ZERO)
    original = schedules[min(schedules)]
    oldest_original = oldest_unpaid(original, paid_to_date, today, tolerance)
    outstanding = sum((each.principal - each.principal_covered(paid) for each in schedule.instalments), ZERO)
    due_to_date = sum((each.due for each in schedule.instalments if each.due_date <= today), ZERO)
    contract_status = status_on(contract, today)
    if contract_status in OWES_NOTHING:
        oldest = oldest_original = None
        past_due = ZERO
    paid_off_date = paid_off_since(schedules, payments, today, tolerance)
    loan_status = contract_status
    if contract_status in {"ACTIVE", "CLOSED"}:
        if date.fromisoformat(str(contract["disbursement_date"])) > today:
            loan_status = "PENDING"
        elif paid_off_date is not None:
            loan_status = "PAID_OFF"
    days = (today - oldest).days if oldest else 0
    return Position(
        loan_status,
        days_past_due=days,
        days_past_due_original_schedule=(today - oldest_original).days if oldest_original else 0,
        delinquency_bucket=bucket(days),
        oldest_unpaid_due_date=oldest,
        past_due_amount=past_due,
        principal_outstanding_amount=ZERO if loan_status in NO_PRINCIPAL_LEFT else outstanding,
        paid_to_date_amount=paid_to_date,
        due_to_date_amount=due_to_date,
        paid_off_date=paid_off_date,
    )


def in_force(schedules: dict[int, Schedule], today: date) -> Schedule:
    """The greatest version in effect by today; the first one before any is."""
    started = [version for version, schedule in schedules.items() if schedule.effective_date <= today]
    return schedules[max(started, default=min(schedules))]


def paid_for(schedules: dict[int, Schedule], payments: list[tuple[date, Decimal]], today: date) -> Decimal:
    """What counts towards the version in force: from its effective date on, for the first one from the beginning."""
    schedule = in_force(schedules, today)
    is_first = schedule is schedules[min(schedules)]
    return sum((amount for on, amount in payments if on <= today and (is_first or on >= schedule.effective_date)), ZERO)


def oldest_unpaid(schedule: Schedule, paid: Decimal, today: date, tolerance: Decimal) -> date | None:
    """The due date from which days past due count; on the due day itself nothing is past due."""
    unpaid = [each.due_date for each in schedule.instalments if each.due_date < today and each.unpaid(paid) > tolerance]
    return min(unpaid, default=None)


def paid_off_since(
    schedules: dict[int, Schedule], payments: list[tuple[date, Decimal]], today: date, tolerance: Decimal
) -> date | None:
    """The day since which every instalment of the schedule in force is covered without a break; None: it is not."""
    days = {on for on, _ in payments} | {schedule.effective_date for schedule in schedules.values()}
    since = None
    for day in sorted(each for each in days if each <= today):
        paid = paid_for(schedules, payments, day)
        is_covered = all(each.unpaid(paid) <= tolerance for each in in_force(schedules, day).instalments)
        since = (since or day) if is_covered else None
    return since


def status_on(contract: Row, today: date) -> str:
    """The contract's status; one that is dated later does not count yet."""
    status_date = contract.get("status_date")
    if status_date and date.fromisoformat(status_date) > today:
        return "ACTIVE"
    return str(contract["contract_status"])


def bucket(days_past_due: int) -> str:
    """CURRENT, M1 1-30, M2 31-60, M3 61-90, M4 91-120, M5 121-150, M6 151-180, M7 beyond."""
    return next((name for last, name in BUCKET_ENDS if days_past_due <= last), "M7")
