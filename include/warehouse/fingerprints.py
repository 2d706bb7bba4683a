"""Hashes of what decides a result: the code that shapes, decides and refuses, and the identity of a run."""

import hashlib
from collections.abc import Iterable
from datetime import date
from functools import lru_cache

from include.settings import PROJECT_DIR

CODE = {
    "dbt_project/models": ("*.sql", "*.yml"),
    "dbt_project/macros": ("*.sql",),
    "scoring": ("*.py",),
    "models": ("*.py", "*.json"),
    "expectations": ("*.py",),
}


@lru_cache
def code_hash() -> str:
    """A hash of every file that can change a published row."""
    digest = hashlib.sha256()
    for folder, patterns in CODE.items():
        paths = {path for pattern in patterns for path in (PROJECT_DIR / folder).rglob(pattern)}
        for path in sorted(paths):
            digest.update(path.relative_to(PROJECT_DIR).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def run_id_of(
    business_date: date,
    known_date: date,
    kind: str,
    content_hashes: Iterable[str],
    base_run_id: str | None,
    policy_hash: str,
    code: str,
    output_settings: dict[str, str],
) -> str:
    """The first 16 hex digits of a hash of everything that decides the result: the same inputs give the same run."""
    parts = [
        business_date.isoformat(),
        known_date.isoformat(),
        kind,
        *sorted(content_hashes),
        f"base {base_run_id}",
        f"policy {policy_hash}",
        f"code {code}",
        *(f"{name} {value}" for name, value in sorted(output_settings.items())),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
