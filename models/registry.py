"""Which version of a model is in force on a date, and that the right people agreed to it.

The registry is dated policy (``seeds/policy/model_registry.csv``): a row says that from ``valid_from`` on a version is
in a state. Development, validation and approval are different people's work (商业银行互联网贷款管理暂行办法 ch. 3
splits these; SR 26-2, effective challenge); verify with counsel which titles the lender's own rules name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

DRAFT, VALIDATED, APPROVED, CHAMPION, CHALLENGER, RETIRED = (
    "DRAFT", "VALIDATED", "APPROVED", "CHAMPION", "CHALLENGER", "RETIRED",
)  # fmt: skip
FOLLOWS: Mapping[str, frozenset[str]] = {
    DRAFT: frozenset(),
    VALIDATED: frozenset({DRAFT}),
    APPROVED: frozenset({VALIDATED}),
    CHAMPION: frozenset({APPROVED, CHALLENGER}),
    # a challenger runs in shadow only, so validation suffices; a champion that was replaced may stay beside the new one
    CHALLENGER: frozenset({VALIDATED, APPROVED, CHAMPION}),
    RETIRED: frozenset({DRAFT, VALIDATED, APPROVED, CHAMPION, CHALLENGER}),
}
NEED_VALIDATOR = frozenset({VALIDATED, APPROVED, CHAMPION, CHALLENGER})
NEED_APPROVER = frozenset({APPROVED, CHAMPION})


class RegistryError(ValueError):
    """A registry by which nothing may be scored; the message names model, version and what is missing."""


@dataclass(frozen=True)
class Entry:
    """From ``valid_from`` to ``valid_to`` (None: open) a version is in ``state``.

    review_by: the date by which a champion has to be looked at again; it scores no longer than until then.
    """

    model_code: str
    version: str
    card_sha256: str
    state: str
    author: str
    validator: str
    approver: str
    review_by: date
    valid_from: date
    valid_to: date | None

    def is_valid_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


def entry_from_row(row: Mapping[str, str]) -> Entry:
    """A row of the policy ``model_registry``. Raises RegistryError for a bad date or an unknown state."""
    where = f"{row['model_code']} {row['model_version']}"
    try:
        review_by, valid_from = date.fromisoformat(row["review_by_date"]), date.fromisoformat(row["valid_from"])
        valid_to = date.fromisoformat(row["valid_to"]) if row["valid_to"] else None
    except ValueError as error:
        raise RegistryError(f"{where}: {error}") from error
    if row["state"] not in FOLLOWS:
        raise RegistryError(f"{where}: state {row['state']!r} is none of {', '.join(FOLLOWS)}")
    return Entry(
        row["model_code"],
        row["model_version"],
        row["card_sha256"],
        row["state"],
        row["author"],
        row["validator"],
        row["approver"],
        review_by,
        valid_from,
        valid_to,
    )


def refuse_bad_registry(entries: Iterable[Entry]) -> None:
    """Raise RegistryError unless every version came its whole way, past people who are not the same."""
    versions: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        versions.setdefault((entry.model_code, entry.version), []).append(entry)
    for (model_code, version), steps in sorted(versions.items()):
        where = f"{model_code} {version}"
        if len({step.card_sha256 for step in steps}) > 1:
            raise RegistryError(f"{where}: more than one sha256; a changed card is a new version")
        before: Entry | None = None
        for step in sorted(steps, key=lambda step: step.valid_from):
            _refuse_step(where, before, step)
            before = step
    champions = [entry for (_, steps) in sorted(versions.items()) for entry in steps if entry.state == CHAMPION]
    for place, first in enumerate(champions):
        for second in champions[place + 1 :]:
            if first.model_code == second.model_code and _overlap(first, second):
                raise RegistryError(
                    f"{first.model_code}: {first.version} and {second.version} are champion on the same date"
                )


def champion_on(entries: Iterable[Entry], model_code: str, day: date) -> Entry | None:
    """The version that scores on a date; None: there is no model yet."""
    for entry in entries:
        if entry.model_code == model_code and entry.state == CHAMPION and entry.is_valid_on(day):
            return entry
    return None


def challengers_on(entries: Iterable[Entry], model_code: str, day: date) -> list[Entry]:
    """The versions that run in shadow on a date, by version."""
    found = [
        entry
        for entry in entries
        if entry.model_code == model_code and entry.state == CHALLENGER and entry.is_valid_on(day)
    ]
    return sorted(found, key=lambda entry: entry.version)


def in_use_from(entries: Iterable[Entry], model_code: str, version: str) -> date | None:
    """Since when a version has scored, as champion or in shadow; None: it never has."""
    days = [
        entry.valid_from
        for entry in entries
        if (entry.model_code, entry.version) == (model_code, version) and entry.state in {CHAMPION, CHALLENGER}
    ]
    return min(days, default=None)


def _refuse_step(where: str, before: Entry | None, step: Entry) -> None:
    allowed = FOLLOWS[step.state]
    if (before is None and step.state != DRAFT) or (before is not None and before.state not in allowed):
        came_from = "nothing" if before is None else before.state
        raise RegistryError(
            f"{where}: {step.state} after {came_from}; a version is first {' or '.join(sorted(allowed))}"
        )
    if before is not None and _overlap(before, step):
        raise RegistryError(f"{where}: {before.state} and {step.state} on the same date; end the earlier row")
    if step.state == CHAMPION and (step.valid_to is None or step.valid_to > step.review_by):
        raise RegistryError(f"{where}: a champion ends (valid_to) at the latest on its review date {step.review_by}")
    people = {"author": step.author}
    if step.state in NEED_VALIDATOR:
        people["validator"] = step.validator
    if step.state in NEED_APPROVER:
        people["approver"] = step.approver
    missing = [role for role, name in people.items() if not _person(name)]
    if missing:
        raise RegistryError(f"{where}: {step.state} names no {' and no '.join(missing)}")
    if len({_person(name) for name in people.values()}) < len(people):
        raise RegistryError(f"{where}: {', '.join(people)} have to be different people to make it {step.state}")


def _person(name: str) -> str:
    """A name as it is compared: blanks and capitals make nobody another person."""
    return "".join(name.split()).casefold()


def _overlap(first: Entry, second: Entry) -> bool:
    return (second.valid_to is None or first.valid_from <= second.valid_to) and (
        first.valid_to is None or second.valid_from <= first.valid_to
    )
