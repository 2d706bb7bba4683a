"""How long the sample bank takes for a book of any size: seconds, rows, bytes on disk and peak memory.

python bench/sample_bank.py --loans 1000000 --days 3            every system
python bench/sample_bank.py --loans 1000000 --days 3 --spine    loans, schedules and repayments only
"""

import argparse
import json
import resource
import shutil
import tempfile
import time
from datetime import date
from pathlib import Path

from include.landing.delivery_writer import Style
from include.sample_bank.bank import generate
from include.sample_bank.systems import EVERYTHING, SPINE


def main() -> None:
    """Generate once into a folder of its own, print one line a figure, remove the folder."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--loans", type=int, default=1_000_000)
    options.add_argument("--days", type=int, default=3)
    options.add_argument("--format", choices=["csv", "jsonl", "parquet"], default="csv")
    options.add_argument("--spine", action="store_true", help="only loans, schedules and repayments")
    options.add_argument("--folder", type=Path, help="keep the deliveries here")
    chosen = options.parse_args()
    folder = chosen.folder or Path(tempfile.mkdtemp(prefix="sample_bank_"))
    started = time.perf_counter()
    systems = SPINE if chosen.spine else EVERYTHING
    styles = (Style(chosen.format),)
    generate(folder / "landing", chosen.loans, date(2025, 12, 31), chosen.days, 7, styles=styles, systems=systems)
    seconds = time.perf_counter() - started
    rows: dict[str, int] = {}
    for manifest in folder.rglob("manifest.json"):
        kind = "history" if manifest.parent.name == "history" else f"{chosen.days} days"
        for listed in json.loads(manifest.read_text(encoding="utf-8"))["tables"]:
            name = f"{kind}: {listed['table']}"
            rows[name] = rows.get(name, 0) + sum(file["row_count"] for file in listed["files"])
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    processor = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"loans          {chosen.loans:>14,}")
    print(f"seconds        {seconds:>14.1f}   ({chosen.loans / seconds:,.0f} loans a second, answer key included)")
    print(f"processor      {processor:>14.1f}   seconds")
    print(f"peak memory    {peak / 1024:>14,.0f} MiB")
    print(f"on disk        {size / 1024**2:>14,.0f} MiB")
    for name, count in sorted(rows.items()):
        print(f"{name:<40}{count:>14,} rows")
    if chosen.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
