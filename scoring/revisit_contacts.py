"""What the contacts so far mean for the revisit of a loan: answered, worrying, unanswered, not reached."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from scoring.revisit_policy import SELF_SERVICE, RevisitPolicy

CONTACT_COLUMNS = (
    "borrower_id", "loan_id", "contact_date", "channel_code", "is_right_party", "is_failed_attempt", "is_invitation",
    "fund_use_answer_code", "ability_answer_code", "default_sign_answer_code", "is_hardship_claimed",
)  # fmt: skip
# an answer that was refused or is not known is none
ANSWERED = {
    "fund_use_answer_code": {"AS_AGREED", "DIFFERENT"},
    "ability_answer_code": {"UNCHANGED", "BETTER", "WORSE", "LOST_INCOME"},
    "default_sign_answer_code": {"NONE", "SOME", "SERIOUS"},
}
FINE = {
    "fund_use_answer_code": {"AS_AGREED"},
    "ability_answer_code": {"UNCHANGED", "BETTER"},
    "default_sign_answer_code": {"NONE"},
}
Contact = Mapping[str, Any]


@dataclass(frozen=True)
class Seen:
    """``contacts`` of one loan in the order of their dates, none after the business date."""

    contacts: Sequence[Contact]
    policy: RevisitPolicy

    def fulfilled(self, least_channel: str, after: date | None) -> Contact | None:
        """The last contact that fulfils a revisit: the right party, all three answers, a layer that is strong enough.

        What worries in self-service fulfils nothing: a person has to ask.
        """
        found = [
            contact
            for contact in self.contacts
            if (after is None or contact["contact_date"] > after)
            and has_three_answers(contact)
            and self.policy.rank(contact["channel_code"]) >= self.policy.rank(least_channel)
            and not (self._is_self_service(contact) and worries(contact))
        ]
        return found[-1] if found else None

    def worrying_date(self, after: date) -> date | None:
        """When answers given in self-service worried, the first time since."""
        return next(
            (
                contact["contact_date"]
                for contact in self.contacts
                if contact["contact_date"] > after and self._is_self_service(contact) and worries(contact)
            ),
            None,
        )

    def unanswered_since(self, after: date) -> date | None:
        """When the first invitation to self-service since then has stood unanswered long enough, or will have."""
        invited = [
            contact["contact_date"]
            for contact in self.contacts
            if contact["contact_date"] > after and contact["is_invitation"] and self._is_self_service(contact)
        ]
        answered = [contact["contact_date"] for contact in self.contacts if has_three_answers(contact)]
        open_since = next((day for day in invited if not any(answer >= day for answer in answered)), None)
        return open_since + timedelta(days=self.policy.self_service_wait_days) if open_since else None

    def failed_attempts(self, after: date) -> tuple[int, date | None]:
        """Attempts in a row that did not reach the borrower, and the date of the last of them."""
        failed: list[date] = []
        for contact in self.contacts:
            if contact["is_right_party"]:
                failed = []
            elif contact["is_failed_attempt"] and contact["contact_date"] > after:
                failed.append(contact["contact_date"])
        return len(failed), failed[-1] if failed else None

    def _is_self_service(self, contact: Contact) -> bool:
        return self.policy.layer(contact["channel_code"]) == SELF_SERVICE


def has_three_answers(contact: Contact) -> bool:
    return bool(contact["is_right_party"]) and all(contact[name] in answers for name, answers in ANSWERED.items())


def worries(contact: Contact) -> bool:
    """An answer is given and is not fine (refusing is not), or relief is asked for."""
    given = [(contact[name], FINE[name]) for name in FINE if contact[name] is not None]
    return bool(contact["is_hardship_claimed"]) or any(
        answer not in fine and answer != "UNKNOWN" for answer, fine in given
    )


def by_loan(loans: Iterable[Mapping[str, Any]], contacts: Iterable[Contact]) -> dict[str, list[Contact]]:
    """The contacts of each loan by date: its own, and those with the borrower that name no loan."""
    of_borrower: dict[str, list[Contact]] = {}
    for contact in contacts:
        of_borrower.setdefault(contact["borrower_id"], []).append(contact)
    return {
        loan["loan_id"]: sorted(
            (one for one in of_borrower.get(loan["borrower_id"], []) if one["loan_id"] in (None, loan["loan_id"])),
            key=lambda one: one["contact_date"],  # and of one day in the order given
        )
        for loan in loans
    }
