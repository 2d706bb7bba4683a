"""Small contracts of a lender that a test fetches from, and a place where they lie over ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from include.landing import contract
from include.settings import CONTRACTS_DIR, load_settings

SYSTEM = {"title": {"zh": "测试", "en": "test"}, "required": True, "deadline": "05:00"}
ACCOUNT = {
    "title": {"zh": "账户", "en": "Account"},
    "description": "every account, whole, each day",
    "delivery": "full",
    "key": ["account_id"],
    "touches": "nothing",
    "vanished": {"action": "error"},
    "control_column": "balance_amount",
    "known_date_column": "opened_date",
    "columns": [
        {"name": "account_id", "type": "text", "description": "account", "source_name": "账号"},
        {"name": "opened_date", "type": "date", "description": "opened"},
        {"name": "balance_amount", "type": "decimal(18,2)", "description": "balance"},
    ],
}
MOVEMENT = {
    "title": {"zh": "流水", "en": "Movement"},
    "description": "what moved, once",
    "delivery": "delta",
    "key": ["movement_id"],
    "touches": "nothing",
    "control_column": "amount",
    "known_date_column": "booked_date",
    "columns": [
        {"name": "movement_id", "type": "text", "description": "movement"},
        {"name": "booked_date", "type": "date", "description": "booked"},
        {"name": "amount", "type": "decimal(18,2)", "description": "amount"},
        {"name": "note", "type": "text", "nullable": True, "description": "words"},
    ],
}


@contextmanager
def lender(folder: Path, system: str, source: dict[str, Any], **tables: dict[str, Any]) -> Iterator[None]:
    """The contracts of one more system, in force until the end."""
    put_contracts(folder, system, source, **tables)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POSTLOAN_CONTRACTS_DIR", str(folder))
        load_settings.cache_clear()
        yield
    load_settings.cache_clear()


def put_contracts(folder: Path, system: str, source: dict[str, Any], **tables: dict[str, Any]) -> None:
    """Write the files, and forget what was read of them before."""
    (folder / system).mkdir(parents=True, exist_ok=True)
    stated = {**({} if (CONTRACTS_DIR / system).is_dir() else SYSTEM), "system": system, "source": source, "after": []}
    (folder / system / "system.yml").write_text(yaml.safe_dump(stated, allow_unicode=True), encoding="utf-8")
    for table, content in tables.items():
        text = yaml.safe_dump({**content, "system": system, "table": table}, allow_unicode=True)
        (folder / system / f"{table}.yml").write_text(text, encoding="utf-8")
    contract._contracts.cache_clear()
    contract._systems.cache_clear()
