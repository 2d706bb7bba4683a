"""Dated policy as the decisions read it: one mapping of text a row, as the CSV seeds hold it.

A list of codes in one cell is separated by ``;``. ``ANY`` stands for every code. An empty cell says nothing.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date

PolicyRow = Mapping[str, str]
ANY = "ANY"


class PolicyError(ValueError):
    """A policy that lacks a row or holds one that nobody can follow; the text says which."""


def valid_on(rows: Iterable[PolicyRow], day: date) -> list[PolicyRow]:
    """The rows that are valid on a day, in their order."""
    return [row for row in rows if is_valid_on(row, day)]


def is_valid_on(row: PolicyRow, day: date) -> bool:
    last = row["valid_to"]
    return date.fromisoformat(row["valid_from"]) <= day and (not last or day <= date.fromisoformat(last))


def codes_of(cell: str) -> frozenset[str]:
    """The codes of a cell. Raises PolicyError for an empty one: a rule for nobody is a slip of the pen."""
    codes = frozenset(cell.split(";"))
    if "" in codes:
        raise PolicyError(f"{cell!r} is no list of codes; every code is written {ANY}")
    return codes


def covers(codes: frozenset[str], code: str) -> bool:
    return ANY in codes or code in codes


def truth(cell: str) -> bool:
    """``true`` or ``false``; anything else is a PolicyError."""
    if cell not in ("true", "false"):
        raise PolicyError(f"{cell!r} is neither true nor false")
    return cell == "true"


def whole(cell: str) -> int | None:
    return int(cell) if cell else None


def spread_hash(*parts: str) -> int:
    """A number from 0 to 2^32 - 1 that depends on the parts alone: the same on every machine and in every run."""
    return int.from_bytes(hashlib.sha256("|".join(parts).encode()).digest()[:4], "big")
