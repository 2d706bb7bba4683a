"""Tokens, masked forms and keys: the same value gives the same token, and nothing gives the value away."""

import hmac
import json
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pydantic import SecretStr

from include.errors import PostloanError
from include.landing.chunk import WELL_FORMED, Chunk
from include.landing.contract import contracts_of
from include.landing.prepare import prepare
from include.landing.row_hash import row_hashes
from include.privacy import (
    KINDS,
    TOKEN,
    KeyRing,
    key_file,
    load_keys,
    masked,
    normalised,
    token_of,
    with_next_version,
    write_keys,
)
from include.settings import Settings
from include.warehouse.data_sets import load_data_sets
from tests.support.borrower_rows import BORROWER

RING = KeyRing("token", 1, {1: b"k" * 32})
BORROWER_TABLE = contracts_of("customer")["borrower"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("phone", "13812348000", "+8613812348000"),
        ("phone", "13812348000", "0086 138-1234-8000"),
        ("phone", "13812348000", "１３８１２３４８０００"),
        ("phone", "+442071234567", "00442071234567"),
        ("id_number", "11010519900307123x", " 11010519900307123X"),
        ("account_number", "6222 0202 0011 2233 445", "6222-0202-0011-2233-445"),
        ("name", "Wang  Xiaoming", "WANG XIAOMING "),
        ("address", "北京市 海淀区１号", "北京市海淀区1号"),
    ],
)
def test_two_spellings_of_a_value_have_one_token(kind: str, one: str, other: str) -> None:
    assert token_of(RING, kind, one) == token_of(RING, kind, other)


def test_a_token_is_the_hmac_of_kind_and_value() -> None:
    expected = hmac.new(b"k" * 32, b"phone\x1f13812348000", "sha256").hexdigest()
    assert token_of(RING, "phone", "13812348000") == f"v1:{expected[:32]}"


def test_other_values_kinds_and_keys_have_other_tokens() -> None:
    value = "13812348000"
    tokens = [token_of(RING, kind, value) for kind in KINDS]
    tokens += [token_of(KeyRing("token", 1, {1: b"o" * 32}), "phone", value), token_of(RING, "phone", "13812348001")]
    tokens += [token_of(with_next_version(RING), "phone", value), token_of(RING, "phone", "+13812348000")]
    assert len(set(tokens)) == len(tokens)
    assert all(TOKEN.fullmatch(token) for token in tokens)


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("name", "王小明", "王*"),
        ("name", "欧阳娜娜", "欧*"),
        ("phone", "+8613812348000", "138****8000"),
        ("phone", "1234567", "****"),
        ("id_number", "11010519900307123X", "110****3X"),
        ("id_number", "AB123456", "****"),
        ("address", "北京市海淀区中关村大街1号", "北京市****"),
        ("address", "北京市", "****"),
        ("account_number", "6222020200112233445", "****3445"),
        ("account_number", "123456789", "****6789"),
        ("account_number", "12345678", "****"),
    ],
)
def test_a_masked_form_shows_as_much_as_is_documented(kind: str, value: str, shown: str) -> None:
    assert masked(kind, normalised(kind, pa.array([value, None]))).to_pylist() == [shown, None]


def test_what_is_sealed_opens_with_its_key_and_its_token_only() -> None:
    vault = KeyRing("vault", 1, {1: b"v" * 32})
    token, other = token_of(RING, "phone", "13812348000"), token_of(RING, "phone", "13812348001")
    (sealed,), (again,) = vault.seal([token], ["13812348000"]), vault.seal([token], ["13812348000"])
    assert sealed != again
    assert b"138" not in sealed
    assert vault.open(token, sealed, 1) == "13812348000"
    for wrong in (
        lambda: vault.open(other, sealed, 1),
        lambda: vault.open(token, sealed[:-1] + b"\0", 1),
        lambda: KeyRing("vault", 1, {1: b"x" * 32}).open(token, sealed, 1),
        lambda: vault.open(token, sealed, 2),
    ):
        with pytest.raises(PostloanError):
            wrong()


def test_keys_are_made_once_for_their_owner_alone_and_lie_apart(settings: Settings) -> None:
    made: list[bytes] = []
    threads = [threading.Thread(target=lambda: made.append(load_keys(settings, "token").keys[1])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 1
    assert load_keys(settings, "vault").keys[1] != made[0]
    for purpose in ("token", "vault"):
        assert key_file(settings, purpose).stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in settings.keys.iterdir()) == ["token_keys.json", "vault_keys.json"]
    write_keys(key_file(settings, "token"), with_next_version(load_keys(settings, "token")))
    assert load_keys(settings, "token").current == 2


def test_a_key_file_that_others_can_read_is_not_used(settings: Settings) -> None:
    load_keys(settings, "token")
    key_file(settings, "token").chmod(0o644)
    with pytest.raises(PostloanError, match="can be read by others") as refused:
        load_keys(settings, "token")
    assert "chmod 600" in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "not json c2VjcmV0",
        '{"current": 1, "keys": {"1": "c2VjcmV0"}}',
        '{"current": 2, "keys": {"1": "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="}}',
        '{"current": 1, "keys": ["c2VjcmV0"]}',
        json.dumps({"current": 1, "keys": dict.fromkeys("12", "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=")}),
    ],
)
def test_keys_that_cannot_be_used_are_refused_without_repeating_them(text: str) -> None:
    with pytest.raises(PostloanError, match="POSTLOAN_TOKEN_KEYS must look like") as refused:
        load_keys(Settings(token_keys=SecretStr(text)), "token")
    assert "c2VjcmV0" not in str(refused.value)
    assert "a2tra2" not in str(refused.value)


class _Guard:
    """The keys alone: a vault that knows nothing."""

    def __init__(self, ring: KeyRing) -> None:
        self.ring = ring

    def tokens_of(self, kind: str, normal: list[str]) -> list[str]:
        return self.ring.tokens(kind, normal)

    def is_erased(self, subject_column: str, subjects: pa.Array) -> np.ndarray:
        return np.zeros(len(subjects), bool)


def _hash(ring: KeyRing, **values: str) -> bytes:
    row = {**BORROWER, **values}
    columns = {name: pa.array([value], pa.string()) for name, value in row.items()}
    chunk = Chunk(columns, np.array([1]), np.array([WELL_FORMED], np.int8))
    prepared = prepare(chunk, BORROWER_TABLE, _Guard(ring))
    assert prepared.is_loadable.all()
    assert prepared.hashes.tobytes() != row_hashes(prepared.checked.canonical, BORROWER_TABLE).tobytes()
    return prepared.hashes.tobytes()


def test_a_row_hash_rests_on_tokens_so_that_nobody_can_try_numbers_against_it() -> None:
    mine = _hash(RING)
    assert _hash(RING, mobile_phone="+8613812348000") == mine  # another spelling is no news
    assert _hash(RING, mobile_phone="13812348001") != mine
    assert _hash(KeyRing("token", 1, {1: b"o" * 32})) != mine


def test_published_rows_hold_tokens_only_so_that_erasure_changes_none_of_them() -> None:
    shown = {
        f"{name}.{column}"
        for name, data_set in load_data_sets().items()
        for column in data_set.column_names
        if column.endswith("_masked")
    }
    assert not shown
