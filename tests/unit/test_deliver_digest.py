"""What the digest of a run tells the people who work from its lists."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from include.digest import Delivered, Facts, Portfolio, Reconciled, Source, Warned, digest_subject, digest_text

QUIET = Facts(
    business_date=date(2026, 3, 10),
    run_id="a" * 16,
    kind="daily",
    base_date=date(2026, 3, 9),
    listed={("RED", "UP"): 2, ("YELLOW", "NEW"): 5, ("YELLOW", "SAME"): 1000, ("YELLOW", "REOPENED"): 2},
    base_listed=1004,
    cleared={"LOAN_NOT_LIVE": 1, "SIGNALS_CLEARED": 3},
    portfolio={
        "CNY": Portfolio(10, Decimal("1000.00"), Decimal("12.50"), Decimal("20.00"), Decimal("10.00"), Decimal("0.015"))
    },
    base_portfolio={
        "CNY": Portfolio(11, Decimal("1100.00"), Decimal("10.00"), Decimal("20.00"), Decimal("5.50"), Decimal("0.015"))
    },
    rules=77,
    loans_touched=1234,
)


def test_it_counts_the_list_by_severity_and_by_change() -> None:
    text = digest_text(QUIET, "en")
    assert "Loans listed: 1,009 (1,004 in the base), cleared: 4." in text
    assert "| YELLOW | 1,007 | 5 | 2 | 0 | 1,000 | 0 |" in text
    assert "| RED | 2 | 0 | 0 | 2 | 0 | 0 |" in text
    assert "Cleared: LOAN_NOT_LIVE 1, SIGNALS_CLEARED 3." in text


def test_it_shows_the_90_day_ratio_against_its_target_and_against_the_base() -> None:
    text = digest_text(QUIET, "en")
    assert "More than 90 days past due: 1.00% (+0.50%), target 1.50%: within target. More than 30 days: 2.00%." in text
    assert "Loans 10 (-1), outstanding 1,000.00 (-100.00), past due 12.50 (+2.50)." in text
    assert "above target" not in digest_subject(QUIET)


def test_a_missed_target_stands_in_the_subject() -> None:
    cell = replace(QUIET.portfolio["CNY"], npl_90p=Decimal("15.01"))
    missed = replace(QUIET, portfolio={"CNY": cell})
    assert "**above target**" in digest_text(missed, "en")
    assert "**超出目标**" in digest_text(missed, "zh-CN")
    assert "above target" in digest_subject(missed)
    exactly = replace(QUIET, portfolio={"CNY": replace(cell, npl_90p=Decimal("15.00"))})
    assert "within target" in digest_text(exactly, "en")


def test_it_says_both_languages_and_the_one_of_the_installation_first() -> None:
    chinese, english = digest_text(QUIET, "zh-CN"), digest_text(QUIET, "en")
    assert chinese.index("# 2026-03-10 贷后风险日报") < chinese.index("# Post-loan risk, 2026-03-10")
    assert english.index("# Post-loan risk, 2026-03-10") < english.index("# 2026-03-10 贷后风险日报")


def test_it_tells_audit_warnings_stale_systems_and_what_was_quarantined() -> None:
    loud = replace(
        QUIET,
        warned=[Warned("loan_position.no_loan_is_excluded", 216, 215, "没有未计算的贷款。", "No loan is left out.")],
        stale=[Source("bureau", date(2026, 3, 8))],
        delivered=[Delivered("payments.repayment_transaction", 1, 22_000, 3)],
        values_changed_by_new_rules=12,
    )
    text = digest_text(loud, "en")
    assert "- loan_position.no_loan_is_excluded: 216 (215 in the base). Should hold: No loan is left out." in text
    assert "- **bureau is known up to 2026-03-08 only**" in text
    assert "- payments.repayment_transaction: batches 1, rows loaded 22,000, rows quarantined 3" in text
    assert "New code or policy changed 12 values" in text
    assert "stale" in digest_subject(loud)
    assert "Every source is of the day." in digest_text(QUIET, "en")


def test_the_first_publication_has_no_base_and_an_empty_portfolio_no_ratio() -> None:
    first = replace(QUIET, base_date=None, base_portfolio={}, listed={}, cleared={}, base_listed=0)
    assert "compared with the first publication" in digest_text(first, "en")
    assert "Cleared: none." in digest_text(first, "en")
    empty = replace(first, portfolio={"CNY": Portfolio(0, *[Decimal(0)] * 4, Decimal("0.015"))})
    assert "More than 90 days past due: 0.00%" in digest_text(empty, "en")


def test_whatever_stands_in_the_currency_column_is_not_repeated() -> None:
    planted = replace(QUIET, portfolio={"13800138000": QUIET.portfolio["CNY"]})
    assert "13800138000" not in digest_text(planted, "en") + digest_subject(planted)


def test_what_was_not_compared_is_told_and_never_reads_as_agreement() -> None:
    silent = Reconciled("gl_balance", "principal_outstanding", "CNY", "MISSING", None, None, None, None)
    agreed = Reconciled("core_loan_balance", "paid_to_date", "CNY", "COMPARED", QUIET.business_date, 12, 0, Decimal(0))
    text = digest_text(replace(QUIET, reconciled=[agreed, silent]), "en")
    assert "- **gl_balance was not compared** (MISSING, last delivered none)" in text
    assert "- core_loan_balance paid_to_date CNY: compared 12, breaking 0, open difference 0.00" in text


def test_rows_that_wait_in_quarantine_and_unlawful_pulls_are_told() -> None:
    waiting = {"payments.repayment_transaction": 2, "bureau.bureau_report": 1}
    text = digest_text(replace(QUIET, in_quarantine=waiting, unlawful_inquiries=1), "en")
    assert "In quarantine, to be decided: 3 rows: bureau.bureau_report 1, payments.repayment_transaction 2" in text
    assert "**Bureau pulls without a lawful ground: 1 rows**" in text
