"""A day of a report written by hand: small enough to count, and once more as wide as a lender can make it."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from include.digest import Delivered, Facts, Portfolio, Reconciled, Source, Warned
from include.policy import policy_records
from include.report.facts import (
    Bucket,
    Cleared,
    Coverage,
    Done,
    LaneWork,
    Listed,
    Quality,
    ReportFacts,
    Scored,
    Signal,
    TrendDay,
    Worded,
    Work,
)

TODAY = date(2026, 3, 10)
CELL = Portfolio(10, Decimal("1000.00"), Decimal("12.50"), Decimal("20.00"), Decimal("10.00"), Decimal("0.015"))
FORMER = Portfolio(11, Decimal("1100.00"), Decimal("10.00"), Decimal("20.00"), Decimal("5.50"), Decimal("0.015"))
FACTS = ReportFacts(
    day=Facts(
        business_date=TODAY,
        run_id="a" * 16,
        kind="daily",
        base_date=TODAY - timedelta(days=1),
        listed={("RED", "UP"): 2, ("YELLOW", "NEW"): 5},
        base_listed=4,
        cleared={"SIGNALS_CLEARED": 2},
        portfolio={"CNY": CELL},
        base_portfolio={"CNY": FORMER},
        rules=77,
        warned=[Warned("warning_list.size_is_usual", 1, None, "名单大小正常。", "The list has its usual size.")],
        stale=[Source("bureau", None)],
        in_quarantine={"payments.repayment_transaction": 3},
    ),
    known_date=TODAY,
    trend=[
        TrendDay(TODAY - timedelta(days=2), {"CNY": FORMER}, 5, 0),
        TrendDay(TODAY - timedelta(days=1), {"CNY": FORMER}, 4, 2),
        TrendDay(TODAY, {"CNY": CELL}, 7, 2),
    ],
    buckets=[
        Bucket("CNY", "CURRENT", 9, Decimal("990.00"), Decimal(0)),
        Bucket("CNY", "M4", 1, Decimal("10.00"), Decimal("12.50")),
    ],
    listed=[Listed("EARLY", "YELLOW", "NEW", 5), Listed("COLLECTIONS", "RED", "UP", 2)],
    signals=[Signal("salary_stopped", 5, 1, 5), Signal("missed_instalment", 0, 2, 0)],
    cleared=[Cleared("SIGNALS_CLEARED", "ORANGE", 2)],
    coverage=Coverage(
        30, 8, 3, TODAY - timedelta(days=40), 2, 1, 4, exempt=[Worded("DECEASED", "借款人已故", "has died", 1)],
        gaps={"NO_TERM": 1}, done=[Done("PHONE", 2, 1)], ahead={"APP": 4},
    ),
    work_date=TODAY + timedelta(days=1),
    work=[Work("VOICE", "CHOSEN", "按技能分配", "chosen by skill", 3, 2)],
    lane_work=[LaneWork("EARLY_WARNING", "IN_CAPACITY", True, 4), LaneWork("COLLECTIONS", "NO_CAPACITY", False, 1)],
    suppressed={"DISPUTE": 1},
    scored=[Scored("NO_MODEL_YET", "late30_in_90d", None, None, 10)],
    quality=[
        Quality("WHOLE_LIST", TODAY, "MATURE", 9, 7, 8, 3, 4, 3, 41, 20),
        Quality("salary_stopped", TODAY, "NOT_MATURE", 2, 2, 0, None, 0, 0, None, None),
    ],
)  # fmt: skip

HUGE = Decimal("123456789012.34")
VAST = Portfolio(98_765_432, 10 * HUGE, HUGE, HUGE, HUGE, Decimal("0.015"))
# sixty days of a book of a thousand billion, every signal and bucket, the longest names, every kind of warning
WIDEST = replace(
    FACTS,
    day=replace(
        FACTS.day,
        portfolio={"CNY": VAST},
        base_portfolio={"CNY": replace(VAST, principal=HUGE)},
        delivered=[Delivered("customer.income_employment_refresh", 12, 123_456_789, 1_234_567)],
        in_quarantine={"public_records.business_registration": 1_234_567},
        reconciled=[
            Reconciled("core_loan_balance", "oldest_unpaid_due_date", "CNY", "COMPARED", TODAY, 98_765_432, 7, HUGE)
        ],
        warned=[
            Warned("use_of_proceeds_check.the_share_traced_is_never_above_the_draw", 1_234_567, 0, "应满足的规则" * 12,
                   "What should hold is a sentence that goes on for a line or two and then ends. " * 2)
        ],
    ),
    trend=[TrendDay(TODAY - timedelta(days=59 - number), {"CNY": VAST}, 1_234_567 + number, 98_765)
           for number in range(60)],
    buckets=[Bucket("CNY", row["delinquency_bucket"], 98_765_432, HUGE, HUGE)
             for row in policy_records("delinquency_bucket")],
    signals=[Signal(row["signal_code"], 1_234_567, 1_234_567, 1_234_567) for row in policy_records("signal")],
    listed=[Listed(row["lane_code"], severity, change, 1_234_567) for row in policy_records("lane_routing")
            for severity in ("RED_CRITICAL", "YELLOW") for change in ("NEW", "REOPENED", "UP", "SAME", "DOWN")],
    quality=[replace(FACTS.quality[0], signal_code=row["signal_code"]) for row in policy_records("signal")],
    suppressed={row["rule_code"]: 1_234_567 for row in policy_records("contact_rule")},
)  # fmt: skip
