"""Drafts that ``train`` left for people: their files, and the rows that would bring one into the registry."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from include.errors import RefusedError
from include.jobs.model_cards import CARD, CHALLENGER
from include.settings import Settings
from models.card import Card, read_card
from models.card_check import CardError
from models.registry import CHALLENGER as IN_SHADOW
from models.registry import DRAFT, VALIDATED, Entry, RegistryError, refuse_bad_registry
from models.trees import Trees, read_trees

FOLDER = "models"
REVIEW_DAYS = 365  # until a version has to be looked at again
ROW_COLUMNS = (
    "model_code", "model_version", "card_sha256", "state", "author", "validator", "approver", "review_by_date",
    "valid_from", "valid_to", "source",
)  # fmt: skip


@dataclass(frozen=True)
class Draft:
    """A trained version with its evidence. challenger: the full model that was trained beside the card."""

    folder: Path
    card: Card
    challenger: Trees
    facts: dict[str, Any]

    @property
    def author(self) -> str:
        return str(self.facts["author"])

    @property
    def judged(self) -> tuple[date, date]:
        """First and last month-end that neither version has learned from."""
        first, last = self.facts["windows"]["out_of_time"]
        return date.fromisoformat(first), date.fromisoformat(last)


def read_draft(model_code: str, version: str, settings: Settings) -> Draft:
    """The draft of this name, checked against its own hashes. Raises RefusedError where it is missing or changed."""
    folder = settings.exports / FOLDER / model_code / version
    try:
        read = {name: (folder / name).read_text(encoding="utf-8") for name in (CARD, CHALLENGER, "facts.json")}
        facts = json.loads(read["facts.json"])
        card = read_card(read[CARD], facts["card_sha256"])
        challenger = read_trees(read[CHALLENGER], facts["challenger"]["sha256"])
    except (OSError, CardError, KeyError, ValueError) as error:
        raise RefusedError(
            f"there is no draft {model_code} {version} that can be read: {error}",
            next_command=f"postloan train {model_code} --version {version} --author NAME",
        ) from error
    return Draft(folder, card, challenger, facts)


def shadow_entries(draft: Draft, validator: str, first: date) -> list[Entry]:
    """The steps of the draft's card and of its challenger into shadow, from ``first`` on: validated by one person.

    In force is neither: that takes a further row CHAMPION with an approver, who is a third person.
    """
    found = []
    for scorer in (draft.card, draft.challenger):
        for number, state in enumerate((DRAFT, VALIDATED, IN_SHADOW)):
            day = first + timedelta(days=number)
            found.append(
                Entry(
                    scorer.model_code,
                    scorer.version,
                    scorer.sha256,
                    state,
                    draft.author,
                    "" if state == DRAFT else validator,
                    "",
                    first + timedelta(days=REVIEW_DAYS),
                    day,
                    None if state == IN_SHADOW else day,
                )
            )
    return found


def registry_rows(entries: Sequence[Entry], known: Sequence[Entry], source: str) -> str:
    """The rows as they are to stand in model_registry.csv. Raises RefusedError where the registry would be bad."""
    try:
        refuse_bad_registry([*known, *entries])
    except RegistryError as error:
        raise RefusedError(f"these rows would not be a registry: {error}") from error
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for entry in entries:
        valid_to = "" if entry.valid_to is None else entry.valid_to.isoformat()
        writer.writerow(
            (entry.model_code, entry.version, entry.card_sha256, entry.state, entry.author, entry.validator,
             entry.approver, entry.review_by.isoformat(), entry.valid_from.isoformat(), valid_to, source)
        )  # fmt: skip
    return out.getvalue()
