"""Which versions score on a date, in force or in shadow, read from the registry and checked against its hashes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import LiteralString

import psycopg

from include.errors import RefusedError
from include.settings import PROJECT_DIR
from models.card import Card, read_card
from models.card_check import CardError
from models.registry import Entry, RegistryError, challengers_on, champion_on, entry_from_row, refuse_bad_registry
from models.trees import Trees, read_trees

# <model>/<version>/card.json; part of the code hash of a run, as the registry's sha256 is part of its policy hash
CARDS_DIR = PROJECT_DIR / "models"
CARD, CHALLENGER = "card.json", "challenger.json"
SHARES = {CARD: "training_shares.json", CHALLENGER: "challenger_shares.json"}
REGISTRY: LiteralString = """
    select model_code, model_version, card_sha256, state, coalesce(author, '') as author,
        coalesce(validator, '') as validator, coalesce(approver, '') as approver,
        review_by_date::text, valid_from::text, coalesce(valid_to::text, '') as valid_to
    from ref.model_registry order by model_code, model_version, valid_from
"""


@dataclass(frozen=True)
class Version:
    """A version that scores. shares: of its training rows by band, None where nobody put them beside it."""

    entry: Entry
    scorer: Card | Trees
    shares: Mapping[str, Sequence[float]] | None


def registry(connection: psycopg.Connection) -> list[Entry]:
    """The registry as the warehouse has it. Raises RegistryError where the wrong people stand behind a version."""
    cursor = connection.execute(REGISTRY)
    names = [column.name for column in cursor.description or []]
    entries = [entry_from_row(dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
    refuse_bad_registry(entries)
    return entries


def champions(connection: psycopg.Connection, day: date, cards_dir: Path) -> dict[str, Card]:
    """The card of each model's champion on a date, read and checked against the hash that people approved.

    cards_dir: holds ``<model>/<version>/card.json``. Raises RefusedError naming what the registry or the card lacks.
    """
    try:
        entries = registry(connection)
        found = {}
        for model_code in model_codes(entries):
            entry = champion_on(entries, model_code, day)
            if entry is not None:
                path = cards_dir / entry.model_code / entry.version / CARD
                found[model_code] = read_card(path.read_text(encoding="utf-8"), entry.card_sha256)
    except (RegistryError, CardError, OSError) as error:
        raise _refused(f"nothing is scored with the champion of {day}: {error}") from error
    return found


def versions_in_use(connection: psycopg.Connection, day: date, cards_dir: Path) -> list[Version]:
    """Champion and challengers of every model on a date, champions first. Raises RefusedError as ``champions``."""
    try:
        entries = registry(connection)
        found = []
        for model_code in model_codes(entries):
            champion = champion_on(entries, model_code, day)
            for entry in (*([champion] if champion else []), *challengers_on(entries, model_code, day)):
                found.append(_version(entry, cards_dir / entry.model_code / entry.version))
    except (RegistryError, CardError, OSError, ValueError) as error:
        raise _refused(f"no version of {day} can be read: {error}") from error
    return found


def model_codes(entries: Sequence[Entry]) -> list[str]:
    """Every model that the registry names."""
    return sorted({entry.model_code for entry in entries})


def _version(entry: Entry, folder: Path) -> Version:
    name = CARD if (folder / CARD).is_file() else CHALLENGER
    text = (folder / name).read_text(encoding="utf-8")
    scorer: Card | Trees = (read_card if name == CARD else read_trees)(text, entry.card_sha256)
    if (scorer.model_code, scorer.version) != (entry.model_code, entry.version):
        raise CardError(f"{folder.name}/{name} is {scorer.model_code} {scorer.version}")
    shares = folder / SHARES[name]
    return Version(entry, scorer, json.loads(shares.read_text(encoding="utf-8")) if shares.is_file() else None)


def _refused(what: str) -> RefusedError:
    return RefusedError(what, next_command="git diff dbt_project/seeds/policy/model_registry.csv models")
