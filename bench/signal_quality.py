"""How good the warning list is, and how it moves: by alert episode, date by date, on a lender whose truth is known.

A sample bank is published every day for so many days, then once a week until the last of those days' warnings have had
their time; what the warehouse says of its signals (published.signal_quality) stands beside what the bank's answer key
says of the same openings; a loan that exceeds 30 days and catches up between two weekly dates is in the key alone.
Then superlender's June and July 2017 (POSTLOAN_REAL_DATA), by rules only: two months in which no warning can mature, so
that only the list's size and movement are shown.

python -m bench.signal_quality --loans 2000 --days 60
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pandas as pd

from include.daily import run_date
from include.sample_bank import superlender
from include.sample_bank.bank import generate
from include.sample_bank.systems import EVERYTHING
from include.settings import Settings
from include.warehouse import embedded
from include.warehouse.connection import connect
from include.warehouse.migrate import migrate
from scoring.signal_quality import WHOLE_LIST, Window, signal_quality

HISTORY_TO, SEED = date(2026, 1, 4), 20260104
EVERY = 7  # days between two dates once the daily ones are over
HORIZON, SETTLEMENT = 90, 7
LANES = ("EARLY", "SELF_CURE", "COLLECTIONS", "HARDSHIP", "LEGAL", "CLOSED_WATCH")
# of each published date: the list, what moved, the lanes, what the team can work
DATES = f"""
    select listed.as_of_date, count(*), count(*) filter (where change = 'NEW'),
        count(*) filter (where change = 'REOPENED'), count(*) filter (where change = 'UP'),
        (select count(*) from serving.warning_cleared_history as cleared
            where cleared.as_of_date = listed.as_of_date),
        {", ".join(f"count(*) filter (where lane_code = '{lane}')" for lane in LANES)},
        count(*) filter (where is_work_today), count(distinct borrower_id) filter (where is_work_today)
    from serving.warning_list_history as listed group by listed.as_of_date order by listed.as_of_date
"""
OPENINGS = """
    select loan_id, signal_code, opened_date, opened_days_past_due = 0 as is_early
    from serving.warning_episode_history where opened_date = as_of_date and as_of_date > %(first)s
    union all
    select loan_id, 'WHOLE_LIST', as_of_date, days_past_due = 0
    from serving.warning_list_history where change = 'NEW' and as_of_date > %(first)s
"""
QUALITY = "select * from serving.signal_quality order by signal_code <> 'WHOLE_LIST', signal_code"


def main() -> None:
    """Both lenders, one after the other, each in a warehouse of its own."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--loans", type=int, default=2_000)
    options.add_argument("--days", type=int, default=60, help="dates published one after the other")
    options.add_argument("--folder", type=Path, help="keep the warehouses here; what is published already stands")
    options.add_argument("--only", choices=("sample", "superlender"))
    chosen = options.parse_args()
    if chosen.only != "superlender":
        on_sample_bank(chosen.loans, chosen.days, chosen.folder)
    if chosen.only != "sample":
        on_superlender(chosen.folder)


def on_sample_bank(loans: int, days: int, kept: Path | None) -> None:
    """Every day, then weekly to the month-end on which the last daily date is mature."""
    last_daily = HISTORY_TO + timedelta(days=days)
    until = month_end(last_daily + timedelta(days=HORIZON + SETTLEMENT))
    with warehouse(kept and kept / "sample") as settings:
        every_day = generate(settings.landing, loans, HISTORY_TO, (until - HISTORY_TO).days, SEED, systems=EVERYTHING)
        sparse = [day for day in every_day[days:] if (day - last_daily).days % EVERY == 0 or day == until]
        publish([HISTORY_TO, *every_day[:days], *sparse], settings)
        title = f"sample bank of {loans:,} loans, {days} dates from {every_day[0]}, then every {EVERY} days to {until}"
        print_dates(title, [row for row in rows(settings, DATES) if row[0] <= last_daily])
        print_quality(settings, by_truth(settings, until))


def on_superlender(kept: Path | None) -> None:
    """Rules only; says so and stops well where the data are absent."""
    folder = Path(os.environ.get("POSTLOAN_REAL_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if not (folder / "superlender").is_dir():
        print(f"skipped: {folder / 'superlender'} is absent; POSTLOAN_REAL_DATA names the folder above it")
        return
    with warehouse(kept and kept / "superlender") as settings:
        summary = superlender.write_deliveries(folder / "superlender", settings.landing)
        publish(list(summary.business_dates), settings)
        print_dates("superlender, June and July 2017, rules only", rows(settings, DATES))
        print_quality(settings, None)


@contextmanager
def warehouse(kept: Path | None) -> Iterator[Settings]:
    """An embedded server and a landing folder; gone afterwards, unless they are to be kept."""
    folder = kept or Path(tempfile.mkdtemp(prefix="signal_quality_"))
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)
    settings = Settings(home=folder, warehouse_url=None)
    embedded.start(settings)
    try:
        migrate(settings)
        yield settings
    finally:
        embedded.stop(settings)
        if kept is None:
            shutil.rmtree(folder)


def publish(dates: list[date], settings: Settings) -> None:
    started = time.perf_counter()
    for number, day in enumerate(dates, start=1):
        run_date(day, settings, lambda _: None)
        if number % 10 == 0 or day == dates[-1]:
            print(f"  {day}: {number} of {len(dates)} dates after {time.perf_counter() - started:.0f} s", flush=True)


def rows(settings: Settings, query: str, **parameters: object) -> list[tuple]:
    with connect(settings, application_name="bench:signal_quality") as connection:
        return connection.execute(query, parameters).fetchall()


def frame(settings: Settings, query: str, **parameters: object) -> pd.DataFrame:
    with connect(settings, application_name="bench:signal_quality") as connection:
        cursor = connection.execute(query, parameters)
        return pd.DataFrame(cursor.fetchall(), columns=[one.name for one in cursor.description or []], dtype=object)


def by_truth(settings: Settings, until: date) -> pd.DataFrame:
    """The same openings against the days on which the bank's own books say that a loan exceeded 30 days past due."""
    positions = pd.read_parquet(settings.home / "truth" / "positions.parquet")
    live = positions[positions["contract_status"] == "ACTIVE"]
    late = live[live["days_past_due"] > 30]
    late_days = pd.DataFrame(
        {
            "loan_id": late["loan_id"],
            "late_date": [due + timedelta(days=31) for due in late["oldest_unpaid_due_date"]],
        }
    ).drop_duplicates()
    ended = positions[positions["contract_status"].isin(["CHARGED_OFF", "SOLD"])]
    ended_days = ended.groupby("loan_id")["as_of_date"].min().rename("late_date").reset_index()
    openings = frame(settings, OPENINGS, first=HISTORY_TO)
    # as in the policy signal_quality; observed from the second run on
    window = Window(until, HISTORY_TO + timedelta(days=1), HORIZON, SETTLEMENT, 30, 180)
    return signal_quality(openings, pd.concat([late_days, ended_days]), [], window)


def print_dates(title: str, dates: list[tuple]) -> None:
    head = ("date", "listed", "new", "reopened", "worse", "cleared", *(lane.lower() for lane in LANES), "work today",
            "borrowers")  # fmt: skip
    print(f"\n{title}\n")
    print("| " + " | ".join(head) + " |\n|---" + "|---:" * (len(head) - 1) + "|")
    for row in dates:
        print("| " + " | ".join(str(value) for value in row) + " |")
    moved = [(row[2] + row[3] + row[5]) / max(before[1], 1) for before, row in pairwise(dates)]
    sizes = sorted(row[1] for row in dates[1:])
    print(
        f"\nsize {sizes[0]} to {sizes[-1]}, median {sizes[len(sizes) // 2]}; turnover (onto and off the list / list "
        f"before) median {100 * sorted(moved)[len(moved) // 2]:.1f} %, highest {100 * max(moved):.1f} %\n"
    )


def print_quality(settings: Settings, truth: pd.DataFrame | None) -> None:
    """What the warehouse says of each signal, and beside it what the answer key says of the same openings."""
    known = {} if truth is None else {row["signal_code"]: row for row in truth.to_dict("records")}
    head = ("signal", "alerts in 30 days", "of them early", "came true", "by the answer key", "late and warned of",
            "by the answer key", "lead median", "lead p25")  # fmt: skip
    print("| " + " | ".join(head) + " |\n|---" + "|---:" * (len(head) - 1) + "|")
    for row in frame(settings, QUALITY).to_dict("records"):
        true = known.get(row["signal_code"], {})
        is_mature = row["status_code"] == "MATURE"
        cells = (
            row["signal_code"], row["alert_count"], row["early_alert_count"],
            share(row["confirmed_count"], row["matured_count"]) if is_mature else "NOT MATURE",
            share(true.get("confirmed_count"), true.get("matured_count")),
            share(row["warned_late_count"], row["late_count"]),
            share(true.get("warned_late_count"), true.get("late_count")),
            shown(row["lead_median_days"]), shown(row["lead_p25_days"]),
        )  # fmt: skip
        print("| " + " | ".join(str(cell) for cell in cells) + " |")
    print(f"\n{WHOLE_LIST}: a loan that came onto the list, by whatever signal\n")


def share(part: object, whole: object) -> str:
    return f"{100 * int(str(part)) / int(str(whole)):.0f} % of {whole}" if part is not None and whole else "-"


def shown(value: object) -> str:
    return "-" if value is None else str(value)


def month_end(day: date) -> date:
    """The last day of the month in which a day lies."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


if __name__ == "__main__":
    main()
