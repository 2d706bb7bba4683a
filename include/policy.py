"""Policy is dated data: CSV seeds with ``valid_from``, ``valid_to``, ``source``. SQL joins them, Python reads the same.

Rows that were valid on a published date may not change unseen: the rows of the last publication are kept in
``ops.policy_row`` and compared before every run.
"""

import csv
import hashlib
import json
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

import psycopg

from include.errors import PostloanError, RefusedError
from include.settings import DBT_PROJECT_DIR

POLICY_DIR = DBT_PROJECT_DIR / "seeds" / "policy"


@dataclass(frozen=True)
class PolicyRow:
    policy: str
    valid_from: date
    valid_to: date | None
    content: str  # canonical JSON of every other column but source, which may be corrected at any time
    source: str = ""

    @property
    def row_hash(self) -> str:
        return hashlib.sha256(f"{self.policy}|{self.valid_from}|{self.content}".encode()).hexdigest()[:32]

    def is_valid_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@lru_cache
def load_policy_rows(policy_dir: Path = POLICY_DIR) -> tuple[PolicyRow, ...]:
    """Every row of every policy file, in file and line order. A bad date names file and line."""
    rows = []
    for path in sorted(policy_dir.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as handle:
            for line, record in enumerate(csv.DictReader(handle), start=2):
                if None in record or None in record.values():
                    raise PostloanError(
                        f"{path.name} line {line}: has more or fewer cells than the header; a comma in a cell needs "
                        'quotes around the cell: "a, b"',
                        next_command=f"less {path}",
                    )
                try:
                    valid_from = date.fromisoformat(record.pop("valid_from"))
                    last = record.pop("valid_to")
                    valid_to = date.fromisoformat(last) if last else None
                    source = record.pop("source")
                except (KeyError, ValueError, TypeError, AttributeError) as error:
                    raise PostloanError(
                        f"{path.name} line {line}: a policy row needs valid_from, valid_to and source ({error})"
                    ) from error
                content = json.dumps(record, sort_keys=True, ensure_ascii=False)
                rows.append(PolicyRow(path.stem, valid_from, valid_to, content, source))
    return tuple(rows)


def policy_records(policy: str, policy_dir: Path = POLICY_DIR) -> list[dict[str, str]]:
    """The rows of one policy file as text by column, with valid_from and valid_to: as pure decisions read them."""
    return [
        {
            **json.loads(row.content),
            "valid_from": row.valid_from.isoformat(),
            "valid_to": row.valid_to.isoformat() if row.valid_to else "",
        }
        for row in load_policy_rows(policy_dir)
        if row.policy == policy
    ]


def policy_sources(policy: str, policy_dir: Path = POLICY_DIR) -> list[str]:
    """Where each row of ``policy_records`` comes from, in the same order: for people, never for a decision."""
    return [row.source for row in load_policy_rows(policy_dir) if row.policy == policy]


def policy_hash(policy_dir: Path = POLICY_DIR) -> str:
    """A hash of every policy file, to the byte."""
    digest = hashlib.sha256()
    for path in sorted(policy_dir.glob("*.csv")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_same_policy(first: date, second: date) -> bool:
    """Whether the same rows are valid on both dates."""
    return all(row.is_valid_on(first) == row.is_valid_on(second) for row in load_policy_rows())


def refuse_changed_past(connection: psycopg.Connection) -> None:
    """Raise RefusedError when a row that was valid on a published date was added, changed or taken away.

    Ending a row after the last published date, and any row that begins after it, are allowed.
    """
    (last_published,) = connection.execute("select max(business_date) from ops.publication").fetchone()
    if last_published is None:
        return
    stored = {
        (policy, row_hash): (valid_from, valid_to)
        for policy, row_hash, valid_from, valid_to in connection.execute(
            "select policy, row_hash, valid_from, valid_to from ops.policy_row"
        )
    }
    current = {(row.policy, row.row_hash): (row.valid_from, row.valid_to) for row in load_policy_rows()}
    known_policies = {policy for policy, _ in stored}
    complaints = []
    for key in sorted(set(stored) | set(current)):
        before, now = stored.get(key), current.get(key)
        if key[0] not in known_policies or _reach(before, last_published) == _reach(now, last_published):
            continue
        what = "added" if before is None else "taken away" if now is None else "ended or prolonged"
        complaints.append(f"{key[0]}.csv: a row valid from {(now or before)[0]} was {what}")
    if complaints:
        raise RefusedError(
            f"policy of published dates (up to {last_published}) was changed: "
            + "; ".join(complaints[:5])
            + ". Give the new row a valid_from after that date and end the old one with valid_to",
            next_command="git diff dbt_project/seeds/policy  # or recompute the past: postloan restate --from D --to D",
        )


def remember_rows(connection: psycopg.Connection) -> None:
    """Keep the policy rows of this publication for the next comparison."""
    connection.execute("delete from ops.policy_row")
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.policy_row values (%s, %s, %s, %s, %s::jsonb) on conflict do nothing",
            [(row.policy, row.row_hash, row.valid_from, row.valid_to, row.content) for row in load_policy_rows()],
        )


def _reach(validity: tuple[date, date | None] | None, last_published: date) -> tuple[date, date] | None:
    """The part of a row's validity that lies in the published past; None when none does."""
    if validity is None or validity[0] > last_published:
        return None
    return validity[0], min(validity[1] or last_published, last_published)
