"""Killed for real, run again: the same bytes as if nothing had happened."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.settings import PROJECT_DIR, Settings
from tests.support.days import land_all
from tests.support.dump import canonical_dump
from tests.support.small_bank import HISTORY_TO, day, deliver_days

POINTS = ("land:mid", "transform:mid", "decide:mid", "publish:mid", "publish:after", "deliver:mid")


def run_date(business_date: object, settings: Settings, fail: str | None = None) -> int:
    """``postloan run DATE`` as a process of its own, dying at ``fail``. Returns how it ended."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTLOAN_")}
    environment |= {
        "POSTLOAN_HOME": str(settings.home),
        "POSTLOAN_WAREHOUSE_URL": settings.warehouse_url.get_secret_value(),
        **({"POSTLOAN_FAIL": fail} if fail else {}),
    }
    ended = subprocess.run(
        [sys.executable, "-m", "include.cli", "run", str(business_date)],
        cwd=PROJECT_DIR, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    if fail is None:
        assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.returncode


def exported(settings: Settings) -> dict[str, bytes]:
    """The files that deliver wrote, but for Data Docs, whose pages are for looking at."""
    return {
        str(path.relative_to(settings.exports)): path.read_bytes()
        for path in sorted(settings.exports.rglob("*"))
        if path.is_file() and "data_docs" not in path.parts
    }


@pytest.fixture(scope="module")
def undisturbed(server, template_warehouse, tmp_path_factory) -> Iterator[tuple[str, dict, dict]]:
    """A template with the first day published, and what a second day gives when nobody disturbs it."""
    home = tmp_path_factory.mktemp("undisturbed")
    server.create_database("kill_base", template=template_warehouse)
    settings = server.settings_for("kill_base", home)
    deliver_days(settings.landing, 2)
    run_date(HISTORY_TO, settings)
    server.create_database("kill_calm", template="kill_base")
    calm = server.settings_for("kill_calm", home)
    run_date(day(1), calm)
    yield "kill_base", canonical_dump(calm), exported(calm)
    for name in ("kill_calm", "kill_base"):
        server.drop_database(name)


@pytest.mark.parametrize("point", POINTS)
def test_a_run_killed_in_the_middle_and_run_again_gives_the_same_bytes(
    point: str, undisturbed: tuple, server, tmp_path: Path
) -> None:
    template, expected_dump, expected_files = undisturbed
    name = "killed_" + point.replace(":", "_")
    server.create_database(name, template=template)
    settings = server.settings_for(name, tmp_path)
    deliver_days(settings.landing, 2)
    assert run_date(day(1), settings, fail=point) == -signal.SIGKILL
    run_date(day(1), settings)
    assert differing(canonical_dump(settings), expected_dump) == []
    assert {name: data for name, data in expected_files.items() if f"{day(1)}" in name} == exported(settings)
    server.drop_database(name)


def differing(dump: dict[str, bytes], expected: dict[str, bytes]) -> list[str]:
    return sorted(name for name in dump.keys() | expected.keys() if dump.get(name) != expected.get(name))


def test_a_second_run_of_the_same_landing_gives_the_same_bytes(server, template_warehouse, tmp_path: Path) -> None:
    """Two warehouses, the same files: every table agrees, ledger and quarantine included."""
    from tests.support.days import compute

    dumps = []
    for name in ("twin_one", "twin_two"):
        server.create_database(name, template=template_warehouse)
        settings = server.settings_for(name, tmp_path / name)
        deliver_days(settings.landing, 1)
        for business_date in (HISTORY_TO, day(1)):
            land_all(business_date, settings)
            compute(business_date, settings, audited=False)
        dumps.append(canonical_dump(settings))
        server.drop_database(name)
    assert differing(*dumps) == []
