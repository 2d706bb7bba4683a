"""What people do with the vault: look at one value, change the keys, forget one borrower."""

import re
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest

from include.errors import PostloanError, RefusedError
from include.jobs.land import land
from include.landing.delivery_writer import write_delivery
from include.privacy import key_file, load_keys, token_of
from include.settings import Settings
from include.vault.erase import erase
from include.vault.reveal import reveal
from include.vault.rotate import rotate
from include.warehouse.connection import connect
from tests.support.borrower_rows import BORROWER, borrower, borrowers, movement, movements
from tests.support.landing_rows import query

DAY = date(2026, 1, 5)
SHARED_PHONE = "13812348000"
OWN_PHONE = "13987651234"
REASON = "the borrower disputes the number"


@pytest.fixture
def bank(settings: Settings, tmp_path: Path) -> Settings:
    """Two borrowers who share a phone and an employer, and an account of one of them; keys of their own."""
    own = settings.model_copy(update={"keys_dir": tmp_path / "keys"})
    deliver(
        own,
        0,
        borrower("B1"),
        borrower("B2", id_number="320105198001011234", full_name="李四", salary_account_number="6217000011112222"),
    )
    move(own, 0, movement("A1"))
    return own


def deliver(settings: Settings, day: int, *rows: dict, **options: object) -> Path:
    business_date = DAY + timedelta(days=day)
    folder = write_delivery(settings.landing, "customer", business_date, {"borrower": borrowers(*rows)}, **options)
    land(business_date, "customer", settings)
    return folder.parent


def move(settings: Settings, day: int, *rows: dict) -> Path:
    business_date = DAY + timedelta(days=day)
    tables = {"account_transaction": movements(*rows)}
    manifest = write_delivery(settings.landing, "accounts", business_date, tables)
    land(business_date, "accounts", settings)
    return manifest.parent


def token(settings: Settings, column: str, borrower_id: str = "B1") -> str:
    ((found,),) = query(
        settings,
        f"select {column}_token from raw.customer__borrower where borrower_id = %s "
        "order by _business_date desc limit 1",
        borrower_id,
    )
    return found


def test_a_value_is_shown_for_a_reason_that_is_kept_first(bank: Settings) -> None:
    assert reveal(bank, token(bank, "mobile_phone"), actor="Li", reason=REASON) == SHARED_PHONE
    assert query(bank, "select actor, kind, reason from ops.reveal_event") == [("Li", "phone", REASON)]
    with pytest.raises(PostloanError, match="a reason"):
        reveal(bank, token(bank, "mobile_phone"), actor="Li", reason="because")
    for statement in (
        "delete from ops.reveal_event",
        "update ops.reveal_event set actor = 'x'",
        "truncate ops.reveal_event",
    ):
        with connect(bank, role="postloan_owner") as connection, pytest.raises(psycopg.Error, match="append-only"):
            connection.execute(statement)


def test_nobody_sees_a_value_in_the_transaction_in_which_they_asked(bank: Settings) -> None:
    phone = token(bank, "mobile_phone")
    with connect(bank, role="postloan_privacy") as connection:
        ((number,),) = connection.execute("select vault.ask_to_reveal(%s, 'Li', %s)", (phone, REASON)).fetchall()
        with pytest.raises(psycopg.Error, match="transaction of its own"):
            connection.execute("select * from vault.reveal(%s)", (number,))
    with connect(bank, role="postloan_privacy") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("select sealed from vault.personal_value")


def test_an_hour_has_only_so_many_looks(bank: Settings) -> None:
    with connect(bank, role="postloan_owner") as connection:
        connection.execute("update vault.reveal_rule set looks_an_hour = 2")
    for _ in range(2):
        reveal(bank, token(bank, "full_name"), actor="Li", reason=REASON)
    with pytest.raises(RefusedError, match="limit"):
        reveal(bank, token(bank, "full_name"), actor="Wang", reason=REASON)


def test_after_a_rotation_known_values_keep_their_token_and_new_ones_get_the_new_key(bank: Settings) -> None:
    before = token(bank, "salary_account_number")
    assert rotate(bank, "token", actor="Li") == (2, 0)
    deliver(bank, 1, borrower("B1"), borrower("B2", mobile_phone=OWN_PHONE))  # B2 is written again, whole
    assert token(bank, "mobile_phone", "B2").startswith("v2:")
    assert token(bank, "full_name", "B2").startswith("v1:")
    move(bank, 1, movement("A2", counterparty_account_number=OWN_PHONE), movement("A3"))
    assert query(bank, "select distinct account_number_token from raw.accounts__account_transaction") == [(before,)]
    # the same digits as a phone and as an account are two values
    assert token(bank, "mobile_phone", "B2") not in {
        found
        for (found,) in query(bank, "select counterparty_account_number_token from raw.accounts__account_transaction")
    }
    assert reveal(bank, before, actor="Li", reason=REASON) == BORROWER["salary_account_number"]


def test_a_new_vault_key_seals_everything_again_and_the_former_one_is_gone(bank: Settings) -> None:
    old = load_keys(bank, "vault").keys[1]
    version, sealed_again = rotate(bank, "vault", actor="Li")
    ((held,),) = query(bank, "select count(*) from vault.personal_value")
    assert (version, sealed_again) == (2, held)
    assert old not in load_keys(bank, "vault").keys.values()
    assert key_file(bank, "vault").stat().st_mode & 0o777 == 0o600
    assert reveal(bank, token(bank, "home_address"), actor="Li", reason=REASON) == BORROWER["home_address"]
    assert deliver(bank, 1, borrower("B1"), borrower("B2", full_name="李小四"))
    assert query(bank, "select distinct key_version from vault.personal_value") == [(2,)]


def test_a_rotation_killed_before_its_end_goes_on(bank: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.vault.rotate.BATCH_ROWS", 2)
    seal = type(load_keys(bank, "vault")).seal
    calls: list[int] = []

    def seal_once(ring: object, *arguments: object) -> object:
        calls.append(1)
        if len(calls) > 1:
            raise KeyboardInterrupt
        return seal(ring, *arguments)

    monkeypatch.setattr("include.privacy.KeyRing.seal", seal_once)
    with pytest.raises(KeyboardInterrupt):
        rotate(bank, "vault", actor="Li")
    monkeypatch.setattr("include.privacy.KeyRing.seal", seal)
    assert query(bank, "select distinct key_version from vault.personal_value order by 1") == [(1,), (2,)]
    deliver(bank, 1, borrower("B1", mobile_phone=OWN_PHONE), borrower("B2"))  # landing goes on meanwhile
    assert rotate(bank, "vault", actor="Li")[0] == 2
    assert query(bank, "select distinct key_version from vault.personal_value") == [(2,)]
    assert reveal(bank, token(bank, "mobile_phone"), actor="Li", reason=REASON) == OWN_PHONE


def test_another_key_under_the_same_name_is_refused_before_anything_lands(bank: Settings, tmp_path: Path) -> None:
    other = bank.model_copy(update={"keys_dir": tmp_path / "other"})
    load_keys(other, "token")  # another installation, with keys of its own
    with pytest.raises(PostloanError, match="version 1 is another key"):
        deliver(other, 1, borrower("B1"), borrower("B2"))
    assert token_of(load_keys(other, "token"), "phone", SHARED_PHONE) != token(bank, "mobile_phone")


OTHERS = [
    borrower("B2", id_number="320105198001011234", full_name="李四", salary_account_number="6217000011112222"),
    borrower("B3", id_number="440105197501015678", full_name="张三"),
]


def test_keys_that_are_gone_are_not_made_anew(bank: Settings) -> None:
    key_file(bank, "token").rename(key_file(bank, "token").with_suffix(".kept"))
    with pytest.raises(PostloanError, match=r"token_keys\.json is gone"):
        deliver(bank, 1, borrower("B1"), borrower("B2"))
    assert not key_file(bank, "token").exists()


@pytest.fixture
def erased(bank: Settings) -> tuple[Settings, Path, Path]:
    """B1, about to be forgotten, has two refused rows, one of which does not say whose it is; B2 has a file alone."""
    unread = borrower("", id_number=BORROWER["id_number"])
    refused = deliver(bank, 1, borrower("B1", mobile_phone="138-OOPS"), unread, *OTHERS)
    others = move(bank, 1, movement("A9", borrower_id="B2", account_number="6217000011112222"))
    return bank, refused, others


def test_who_is_forgotten_is_nowhere_any_more_and_everything_else_stands(erased: tuple[Settings, Path, Path]) -> None:
    bank, refused, others = erased
    hashes = query(
        bank, "select _batch_id, _line_no, _row_hash, full_name_token from raw.customer__borrower order by 1, 2"
    )
    assert query(bank, "select count(*) from vault.quarantine_text") == [(2,)]
    done = erase(bank, "B1", reason="asked for it in writing, case 17", actor="Li", approver="Wang")
    assert done.texts_erased == 2
    assert not (refused / "borrower.csv").exists()
    assert (refused / "manifest.json").exists()
    assert (others / "account_transaction.csv").exists()
    assert query(bank, "select count(*) from vault.quarantine_text") == [(0,)]
    assert query(bank, "select distinct full_name_masked from raw.customer__borrower where borrower_id = 'B1'") == [
        ("****",)
    ]
    assert hashes == query(
        bank, "select _batch_id, _line_no, _row_hash, full_name_token from raw.customer__borrower order by 1, 2"
    )
    with pytest.raises(RefusedError, match="holds no value"):
        reveal(bank, token(bank, "full_name"), actor="Li", reason=REASON)
    # B2 has the same phone, address and employer
    assert reveal(bank, token(bank, "mobile_phone"), actor="Li", reason=REASON) == SHARED_PHONE
    assert reveal(bank, token(bank, "full_name", "B2"), actor="Li", reason=REASON) == "李四"
    ((log,),) = query(bank, "select erasure_event::text from ops.erasure_event")
    assert not re.search("|".join(filter(None, (BORROWER["full_name"], BORROWER["id_number"], SHARED_PHONE))), log)


def test_a_later_delivery_does_not_bring_the_values_back(erased: tuple[Settings, Path, Path]) -> None:
    bank, *_ = erased
    erase(bank, "B1", reason="asked for it in writing, case 17", actor="Li", approver="Wang")
    before = query(bank, "select * from vault.personal_value order by token")
    deliver(bank, 3, borrower("B1", mobile_phone=OWN_PHONE), *OTHERS)
    move(bank, 3, movement("A10", amount="x"))
    assert query(bank, "select count(*) from vault.quarantine_text") == [(0,)]
    with pytest.raises(RefusedError, match="holds no value"):
        reveal(bank, token(bank, "mobile_phone"), actor="Li", reason=REASON)
    assert query(
        bank,
        "select mobile_phone_masked from raw.customer__borrower where _business_date = %s",
        DAY + timedelta(days=3),
    ) == [("****",)]
    assert [row for row in query(bank, "select * from vault.personal_value order by token") if row not in before] == [
        (token(bank, "mobile_phone"), "phone", None, 1, True)
    ]
    # a value that somebody else states from now on is theirs
    newcomer = borrower("B4", id_number="110105196001011111", mobile_phone=OWN_PHONE)
    deliver(bank, 4, borrower("B1", mobile_phone=OWN_PHONE), newcomer, *OTHERS)
    assert reveal(bank, token(bank, "mobile_phone", "B4"), actor="Li", reason=REASON) == OWN_PHONE
    again = erase(bank, "B1", reason="asked for it in writing, case 17", actor="Li", approver="Wang")
    assert len(again.files_removed) == 3


def test_nobody_approves_their_own_erasure_or_writes_a_value_into_its_reason(bank: Settings) -> None:
    with pytest.raises(RefusedError, match="cannot approve"):
        erase(bank, "B1", reason="asked for it", actor="Li", approver=" li ")
    with pytest.raises(RefusedError, match="names personal data"):
        erase(bank, "B1", reason=f"call {SHARED_PHONE} first", actor="Li", approver="Wang")
    with pytest.raises(PostloanError, match="no delivery has named"):
        erase(bank, "B999", reason="asked for it", actor="Li", approver="Wang")
    assert query(bank, "select count(*) from ops.erasure_event") == [(0,)]
