"""Precision and recall of every signal against what was planted in a sample bank, innocent look-alikes counted.

A bank of its own is delivered, landed and published in this process, one date in so many, and the signals of the
published table are compared with the bank's answer key. A signal is a pure function of what is known on a date, so
dates in between need not be published; their deliveries are landed with the next one.

python bench/detectors.py --loans 5000 --days 40 --every 4
"""

import argparse
import json
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd

from include.daily import run_date
from include.sample_bank.bank import generate
from include.sample_bank.behaviours import REALISTIC
from include.sample_bank.planted import INNOCENT_USES
from include.sample_bank.systems import EVERYTHING
from include.settings import Settings
from include.warehouse import embedded
from include.warehouse.connection import connect
from include.warehouse.migrate import migrate

HISTORY_TO, SEED = date(2026, 1, 4), 20260104
PLANTED = 3  # so many times as many misuses and look-alikes as usual: rates with some n


@dataclass(frozen=True)
class Detects:
    """What a signal is meant to find, what it must not take for it, and how long after it could be known it may show.

    wait: days that the signal's own policy takes on purpose. within: days after that in which it has to be raised.
    """

    kinds: tuple[str, ...]
    look_alikes: tuple[str, ...] = ()
    wait: int = 0
    within: int = 30


MISUSE_KINDS = tuple(
    f"MISUSE_{name}"
    for name in (
        "PROPERTY", "SECURITIES", "WEALTH", "CRYPTO", "GAMBLING", "TWO_HOPS", "ROUND_TRIP", "OTHER_LENDER", "PURPOSE",
    )
)  # fmt: skip
SIGNALS = {
    "fund_use_suspect": Detects(MISUSE_KINDS, INNOCENT_USES, within=80),
    "salary_stopped": Detects(("SALARY_STOPPED",), ("SALARY_LATE", "JOB_CHANGE"), wait=45, within=60),
    "income_drop": Detects(("INCOME_LOST", "TAKINGS_STOPPED", "HARDSHIP"), ("JOB_CHANGE",), wait=3, within=60),
    "debt_growth": Detects(("DEBT_GROWTH",), ("AFFORDABLE_NEW_LINE", "MORTGAGE_SHOPPING", "REFINANCED")),
    "inquiry_burst": Detects(("INQUIRY_BURST",), ("MORTGAGE_SHOPPING",)),
    "delinquent_elsewhere": Detects(("DELINQUENT_ELSEWHERE",), ("DAYS_LATE_ELSEWHERE",)),
    "bureau_score_drop": Detects(("SCORE_DROP",), ("SCORE_DIP",)),
    "litigation": Detects(("LITIGATION",), ("PLAINTIFF", "CASE_WITHDRAWN"), within=60),
    "business_distress": Detects(("BUSINESS_FAILED",), ("BUSINESS_MOVED",), within=60),
    "hardship": Detects(("HARDSHIP", "RELIEF"), ("COMPLAINT_NO_HARDSHIP",), within=60),
    "unreachable": Detects(("UNREACHABLE",), ("HARD_TO_REACH",)),
    "promise_broken": Detects(("PROMISE_BROKEN", "PROMISE_PARTIAL"), ("PROMISE_KEPT", "PROMISE_WITHDRAWN"), within=14),
    "autodebit_failed": Detects(("AUTODEBIT_FAILED",), ("TECHNICAL_OVERDUE",), within=10),
    "first_payment_default": Detects(("FIRST_PAYMENT_DEFAULT",), ("FIRST_PAYMENT_SLIP",), wait=1, within=14),
    "sliding_back": Detects(("SLIDE_AFTER_CURE",), ("LATE_AGAIN",), within=10),
}


@dataclass
class Seen:
    """The published dates: who was raised when, and which loans were live and whose."""

    raised: dict[tuple[str, str], list[date]] = field(default_factory=lambda: defaultdict(list))
    live: dict[str, list[date]] = field(default_factory=lambda: defaultdict(list))
    loans_of: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    detectors: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, day: date, settings: Settings) -> None:
        """Read the lists of the date that was published last."""
        with connect(settings, application_name="bench:detectors") as connection:
            for loan_id, borrower_id in connection.execute(
                "select loan_id, borrower_id from serving.loan_position where is_live"
            ):
                self.live[loan_id].append(day)
                self.loans_of[borrower_id].add(loan_id)
            for loan_id, code in connection.execute(
                "select loan_id, signal_code from serving.loan_signal where meets_raise"
            ):
                self.raised[code, loan_id].append(day)
            for loan_id, code, result in connection.execute(
                "select loan_id, detector_code, result_code from serving.use_of_proceeds_check"
            ):
                if result == "SUSPECT" or (loan_id, code) not in self.detectors:
                    self.detectors[loan_id, code] = result


@dataclass(frozen=True)
class Fact:
    """One planted thing, about a loan or about all loans of a borrower."""

    kind: str
    loans: frozenset[str]
    happens: date
    knowable: date
    ends: date


def main() -> None:
    """Make the bank, publish its dates, print the tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--loans", type=int, default=5_000)
    options.add_argument("--days", type=int, default=40)
    options.add_argument("--every", type=int, default=4, help="publish one date in so many")
    options.add_argument("--folder", type=Path, help="keep the bank and the warehouse here")
    chosen = options.parse_args()
    folder = chosen.folder or Path(tempfile.mkdtemp(prefix="detectors_"))
    settings = Settings(home=folder)
    started = time.perf_counter()
    mix = replace(REALISTIC, planted=PLANTED)
    days = generate(settings.landing, chosen.loans, HISTORY_TO, chosen.days, SEED, systems=EVERYTHING, mix=mix)
    embedded.start(settings)
    try:
        migrate(settings)
        seen = Seen()
        dates = [HISTORY_TO, *days][:: chosen.every]
        for day in dates:
            run_date(day, settings, lambda _: None)
            seen.add(day, settings)
            print(f"{day} published after {time.perf_counter() - started:.0f} s", flush=True)
    finally:
        embedded.stop(settings)
    facts = facts_of(pd.read_parquet(folder / "truth" / "planted.parquet"), seen)
    report = {"loans": chosen.loans, "dates": [str(day) for day in dates], "signals": {}, "detectors": {}}
    print(f"\n{chosen.loans:,} loans, {len(dates)} dates from {dates[0]} to {dates[-1]}, {PLANTED} x planted\n")
    report["signals"] = print_signals(facts, seen, dates)
    report["detectors"] = print_detectors(facts, seen, dates)
    (folder / "detectors.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if chosen.folder is None:
        shutil.rmtree(folder)
    else:
        print(f"\n{folder / 'detectors.json'}")


def facts_of(planted: pd.DataFrame, seen: Seen) -> dict[str, list[Fact]]:
    """The planted facts by kind, with the loans whose signals would show each."""
    facts: dict[str, list[Fact]] = defaultdict(list)
    columns = ["kind", "borrower_id", "loan_id", "happens_date", "knowable_date", "ends_date"]
    for kind, borrower_id, loan_id, happens, knowable, ends in planted[columns].itertuples(index=False, name=None):
        loans = {loan_id} if isinstance(loan_id, str) else seen.loans_of.get(borrower_id, set())
        until = ends if isinstance(ends, date) else date.max
        if loans:
            facts[kind].append(Fact(kind, frozenset(loans), happens, knowable, until))
    return facts


def print_signals(facts: dict[str, list[Fact]], seen: Seen, dates: list[date]) -> dict[str, object]:
    """One line a signal, and below it one a kind: what was planted, what was found, what was taken for it."""
    print("| signal | raised | right | precision | look-alikes among the wrong | nothing planted |")
    print("|---|---:|---:|---:|---|---:|")
    found: dict[str, object] = {}
    for code, detects in SIGNALS.items():
        found[code] = _precision(code, detects, facts, seen)
    print("\n| planted kind | signal | n | found | recall |\n|---|---|---:|---:|---:|")
    for code, detects in SIGNALS.items():
        for kind in detects.kinds:
            n, hits = _found(code, kind, detects, facts, seen, dates)
            print(f"| {kind} | {code} | {n} | {hits} | {_share(hits, n)} |")
            found[f"{code}/{kind}"] = {"n": n, "found": hits}
    print("\n| innocent look-alike | signal | n | raised wrongly | share |\n|---|---|---:|---:|---:|")
    for code, detects in SIGNALS.items():
        for kind in detects.look_alikes:
            n, hits = _found(code, kind, detects, facts, seen, dates, only_wrong=True)
            print(f"| {kind} | {code} | {n} | {hits} | {_share(hits, n)} |")
            found[f"{code}/{kind}"] = {"n": n, "raised": hits}
    return found


def print_detectors(facts: dict[str, list[Fact]], seen: Seen, dates: list[date]) -> dict[str, object]:
    """Each planted use of money by the detectors that suspect it; what none of them could see is counted apart."""
    print("\n| use of the money | draws | suspected by | none suspects it | of these not observed |")
    print("|---|---:|---|---:|---:|")
    table: dict[str, object] = {}
    for kind in (*MISUSE_KINDS, *INNOCENT_USES):
        loans = {
            loan
            for fact in facts.get(kind, ())
            for loan in fact.loans
            if loan in seen.live and dates[0] - timedelta(days=80) <= fact.knowable <= dates[-1]
        }
        by: dict[str, int] = defaultdict(int)
        silent, unseen = 0, 0
        for loan in loans:
            results = {code: result for (of, code), result in seen.detectors.items() if of == loan}
            suspects = [code for code, result in results.items() if result == "SUSPECT"]
            for code in suspects:
                by[code] += 1
            if not suspects:
                silent += 1
                unseen += results.get("R1_PROHIBITED_PARTY") == "NOT_OBSERVED"
        named = ", ".join(f"{code} {count}" for code, count in sorted(by.items()))
        print(f"| {kind} | {len(loans)} | {named} | {silent} | {unseen} |")
        table[kind] = {"draws": len(loans), "suspected": dict(by), "silent": silent, "not_observed": unseen}
    return table


def _precision(code: str, detects: Detects, facts: dict[str, list[Fact]], seen: Seen) -> dict[str, object]:
    """Of the loans that the signal was raised for, how many have a planted cause by then."""
    causes, innocent = _by_loan(facts, detects.kinds), _by_loan(facts, detects.look_alikes)
    right, nothing = 0, 0
    wrong: dict[str, int] = defaultdict(int)
    raised = {loan: days for (signal, loan), days in seen.raised.items() if signal == code}
    for loan, days in raised.items():
        explained = [fact.kind for fact in causes.get(loan, ()) if _is_before(fact, days)]
        mistaken = [fact.kind for fact in innocent.get(loan, ()) if _is_before(fact, days)]
        if explained:
            right += 1
        elif mistaken:
            wrong[mistaken[-1]] += 1
        else:
            nothing += 1
    named = ", ".join(f"{kind} {count}" for kind, count in sorted(wrong.items()))
    print(f"| {code} | {len(raised)} | {right} | {_share(right, len(raised))} | {named} | {nothing} |")
    return {"raised": len(raised), "right": right, "look_alikes": dict(wrong), "nothing_planted": nothing}


def _found(
    code: str,
    kind: str,
    detects: Detects,
    facts: dict[str, list[Fact]],
    seen: Seen,
    dates: list[date],
    *,
    only_wrong: bool = False,
) -> tuple[int, int]:
    """How many facts of a kind could be seen on a published date with a live loan, and how many were raised then.

    ``only_wrong``: loans that also have a cause are left out: there the signal is right.
    """
    causes = _by_loan(facts, detects.kinds) if only_wrong else {}
    n = hits = 0
    for fact in facts.get(kind, ()):
        first = fact.happens if only_wrong else fact.knowable + timedelta(days=detects.wait)
        last = min(first + timedelta(days=detects.within), fact.ends - timedelta(days=1))
        loans = [loan for loan in fact.loans if loan not in causes]
        visible = [loan for loan in loans if any(first <= day <= last for day in seen.live.get(loan, ()))]
        if visible:
            n += 1
            hits += any(first <= day <= last for loan in visible for day in seen.raised.get((code, loan), ()))
    return n, hits


def _by_loan(facts: dict[str, list[Fact]], kinds: Iterable[str]) -> dict[str, list[Fact]]:
    by_loan: dict[str, list[Fact]] = defaultdict(list)
    for kind in kinds:
        for fact in facts.get(kind, ()):
            for loan in fact.loans:
                by_loan[loan].append(fact)
    return by_loan


def _is_before(fact: Fact, days: list[date]) -> bool:
    return any(fact.happens <= day for day in days)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2f}" if whole else "-"


if __name__ == "__main__":
    main()
