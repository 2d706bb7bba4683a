"""Personal data at landing: the value goes to the vault, encrypted; tables hold a token and a masked form."""

from datetime import date, timedelta

from include.jobs.land import land
from include.landing.delivery_writer import write_delivery
from include.privacy import load_keys, token_of
from include.settings import Settings
from include.warehouse.connection import connect
from tests.support.borrower_rows import BORROWER, borrower, borrowers, movement, movements
from tests.support.landing_rows import query

DAY = date(2026, 1, 5)
SPELLED = "+8613812348000"


def deliver(settings: Settings, day: int, *rows: dict, **options: object) -> dict[str, int]:
    business_date = DAY + timedelta(days=day)
    write_delivery(settings.landing, "customer", business_date, {"borrower": borrowers(*rows)}, **options)
    return counted(settings, business_date, "customer")


def counted(settings: Settings, business_date: date, system: str) -> dict[str, int]:
    batches = land(business_date, system, settings).batches
    return {
        name: sum(getattr(batch, name) for batch in batches)
        for name in ("rows_loaded", "rows_unchanged", "rows_quarantined")
    }


def reveal(settings: Settings, token: str) -> str:
    with connect(settings, role="postloan_owner") as connection:
        ((sealed, version),) = connection.execute(
            "select sealed, key_version from vault.personal_value where token = %s", (token,)
        ).fetchall()
    return load_keys(settings, "vault").open(token, sealed, version)


def test_a_borrower_lands_as_tokens_and_masked_forms_and_the_vault_keeps_the_values(settings: Settings) -> None:
    assert deliver(settings, 0, borrower("B1"), borrower("B2", mobile_phone=None)) == {
        "rows_loaded": 2,
        "rows_unchanged": 0,
        "rows_quarantined": 0,
    }
    first, second = query(
        settings,
        "select full_name_masked, id_number_masked, mobile_phone_masked, home_address_masked, "
        "salary_account_number_masked, mobile_phone_token from raw.customer__borrower order by borrower_id",
    )
    assert first[:5] == ("王*", "110****3X", "138****8000", "北京市****", "****3445")
    assert first[5] == token_of(load_keys(settings, "token"), "phone", SPELLED)
    assert second[4:] == ("****3445", None)
    assert reveal(settings, first[5]) == BORROWER["mobile_phone"]


def test_a_full_delivery_is_compared_by_tokens_and_only_what_changed_is_loaded(settings: Settings) -> None:
    deliver(settings, 0, borrower("B1"), borrower("B2"))
    counts = deliver(settings, 1, borrower("B1", mobile_phone=SPELLED), borrower("B2", mobile_phone="13912348000"))
    assert counts == {"rows_loaded": 1, "rows_unchanged": 1, "rows_quarantined": 0}
    # yesterday's delivery comes late: what it restores holds tokens too
    deliver(settings, 3, borrower("B1", full_name="王大明"), borrower("B2", mobile_phone="13912348000"))
    deliver(settings, 2, borrower("B1"), borrower("B2"))
    assert query(
        settings,
        "select distinct full_name_masked, mobile_phone_masked from raw.customer__borrower order by 1, 2",
    ) == [("王*", "138****8000"), ("王*", "139****8000")]


def test_an_account_joins_the_account_on_the_other_side_whatever_its_spelling(settings: Settings) -> None:
    rows = (
        movement("A1"),
        movement("A2", account_number="62220202999", counterparty_account_number="6222020200112233445"),
    )
    write_delivery(settings.landing, "accounts", DAY, {"account_transaction": movements(*rows)})
    assert counted(settings, DAY, "accounts")["rows_loaded"] == 2
    assert query(
        settings,
        "select count(*) from raw.accounts__account_transaction as one "
        "join raw.accounts__account_transaction as other "
        "on one.account_number_token = other.counterparty_account_number_token",
    ) == [(1,)]
