"""A delivery is what its manifest says, lies where it says, and nothing outside of the landing folder is ever read."""

import json
import os
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import DeliveryError
from include.landing.delivery_writer import write_delivery, write_manifest
from include.landing.discover import find_deliveries, safe_file
from include.landing.manifest import FILE_NAME, Manifest, batch_id, read_manifest
from tests.support.landing_rows import PAYMENT, payments

DAY = date(2026, 1, 5)
LATER = date(2026, 1, 9)
PINNED = 3628368984453491232


def deliver(landing: Path, business_date: date = DAY, **options: object) -> Path:
    return write_delivery(landing, "payments", business_date, {"repayment_transaction": payments(PAYMENT)}, **options)


def changed(path: Path, **values: object) -> Path:
    manifest = json.loads(path.read_text(encoding="utf-8")) | values
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return path


def with_file(path: Path, **values: object) -> Path:
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["tables"][0]["files"][0] |= values
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return path


def test_a_folder_without_a_manifest_is_a_delivery_that_is_not_there_yet(tmp_path: Path) -> None:
    path = deliver(tmp_path)
    assert len(find_deliveries(tmp_path, "payments", known_until=DAY)) == 1
    path.unlink()
    assert find_deliveries(tmp_path, "payments", known_until=DAY) == []
    assert find_deliveries(tmp_path, "core_banking", known_until=DAY) == []


def test_deliveries_are_found_in_the_order_in_which_they_become_known(tmp_path: Path) -> None:
    deliver(tmp_path, date(2026, 1, 7))
    deliver(tmp_path, date(2026, 1, 6))
    deliver(tmp_path, DAY)
    deliver(tmp_path, DAY, kind="correction", known_date=date(2026, 1, 7))
    deliver(tmp_path, DAY, kind="correction", known_date=date(2026, 1, 20))
    deliver(tmp_path, date(2025, 12, 31), kind="history", from_date=date(2025, 1, 1))
    found = find_deliveries(tmp_path, "payments", known_until=LATER)
    assert [(one.manifest.kind, one.manifest.business_date.day) for one in found] == [
        ("history", 31),
        ("daily", 5),
        ("daily", 6),
        ("correction", 5),
        ("daily", 7),
    ]
    assert find_deliveries(tmp_path, "payments", known_until=date(2026, 1, 6))[-1].manifest.business_date.day == 6


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        pytest.param({"business_date": "2026-01-06"}, "contradicts the folder", id="another date"),
        pytest.param({"system": "core_banking"}, "contradicts the folder", id="another system"),
        pytest.param({"kind": "history", "from_date": "2026-01-01"}, "contradicts the folder", id="another kind"),
        pytest.param({"kind": "correction"}, "states the known_date", id="a correction without its known date"),
        pytest.param({"kind": "history"}, "states its from_date", id="a history without its first date"),
        pytest.param({"known_date": "2026-01-09"}, "known_date is for corrections", id="a daily known later"),
        pytest.param({"replaces": "keys"}, "only a correction may replace keys", id="a daily that replaces keys"),
        pytest.param({"tables": []}, "tables: Tuple should have at least 1 item", id="no table at all"),
        pytest.param({"surprise": 1}, "surprise: Extra inputs", id="a word that means nothing"),
        pytest.param({"business_date": "05/01/2026"}, "business_date", id="no ISO date"),
    ],
)
def test_a_manifest_that_cannot_be_right_is_refused_by_name(values: dict, complaint: str, tmp_path: Path) -> None:
    path = changed(deliver(tmp_path), **values)
    with pytest.raises(DeliveryError, match=complaint) as refused:
        find_deliveries(tmp_path, "payments", known_until=LATER)
    assert str(path) in str(refused.value)


def test_a_manifest_that_is_no_json_or_endless_is_refused_by_name(tmp_path: Path) -> None:
    path = deliver(tmp_path)
    path.write_text("{half a manif", encoding="utf-8")
    with pytest.raises(DeliveryError, match="Invalid JSON"):
        read_manifest(path)
    path.write_bytes(b" " * (5 * 1024 * 1024))
    with pytest.raises(DeliveryError, match="not a manifest"):
        read_manifest(path)


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "repayment_transaction.csv/../x.csv",
        "a;b.csv",
        "repayment_transaction\n.csv",
        "repayment_transaction\u202ecsv.csv",
        "repayment transaction.csv",
        ".csv",
        "repayment_transaction.csv.gz.gz",
        "repayment_transaction.exe",
        "Repayment_transaction.csv",
        "repayment_transaction-" + "x" * 40 + ".csv",
        "loan_contract.csv",
    ],
)
def test_odd_and_dangerous_file_names_are_refused(name: str, tmp_path: Path) -> None:
    path = with_file(deliver(tmp_path), name=name)
    with pytest.raises(DeliveryError, match="cannot be used"):
        read_manifest(path)


@given(st.text(max_size=80))
def test_no_text_that_is_allowed_as_a_file_name_leaves_its_folder(name: str) -> None:
    try:
        Manifest.model_validate(
            {
                "system": "payments",
                "business_date": "2026-01-05",
                "kind": "daily",
                "tables": [{"table": "a", "files": [_file(name)]}],
            }
        )
    except ValueError:
        return
    assert Path("/landing").joinpath(name).resolve().parent == Path("/landing")
    assert FILE_NAME.endswith("$")


def _file(name: str) -> dict:
    return {"name": name, "sha256": "0" * 64, "row_count": 0, "control_total": "0.00"}


def test_a_link_in_place_of_a_file_manifest_or_folder_is_refused(tmp_path: Path) -> None:
    landing = tmp_path / "landing"
    outside = deliver(tmp_path / "elsewhere")
    path = deliver(landing)
    delivery = find_deliveries(landing, "payments", known_until=DAY)[0]
    file = delivery.manifest.tables[0].files[0]
    assert safe_file(landing, delivery, file).is_file()
    (path.parent / file.name).unlink()
    with pytest.raises(DeliveryError, match="is not there"):
        safe_file(landing, delivery, file)
    (path.parent / file.name).symlink_to(outside.parent / file.name)
    with pytest.raises(DeliveryError, match="is a link or a device"):
        safe_file(landing, delivery, file)
    path.unlink()
    path.symlink_to(outside)
    with pytest.raises(DeliveryError, match="is a link or a device"):
        find_deliveries(landing, "payments", known_until=DAY)
    path.unlink()
    (landing / "payments" / "2026-01-06").symlink_to(outside.parent)
    with pytest.raises(DeliveryError, match="is a link"):
        find_deliveries(landing, "payments", known_until=LATER)


def test_a_pipe_in_place_of_a_file_does_not_hang_the_landing(tmp_path: Path) -> None:
    path = deliver(tmp_path)
    delivery = find_deliveries(tmp_path, "payments", known_until=DAY)[0]
    file = delivery.manifest.tables[0].files[0]
    (path.parent / file.name).unlink()
    os.mkfifo(path.parent / file.name)
    with pytest.raises(DeliveryError, match="is a link or a device"):
        safe_file(tmp_path, delivery, file)


def test_a_batch_number_follows_the_content_and_nothing_else(tmp_path: Path) -> None:
    one = read_manifest(deliver(tmp_path / "one"))
    same = read_manifest(deliver(tmp_path / "two"))
    number = batch_id(one, one.tables[0])
    assert number == batch_id(same, same.tables[0])
    renamed = read_manifest(with_file(deliver(tmp_path / "three"), name="repayment_transaction-copy.csv"))
    assert batch_id(renamed, renamed.tables[0]) == number
    others = {
        batch_id(other, other.tables[0])
        for other in (
            read_manifest(deliver(tmp_path / "four", date(2026, 1, 6))),
            read_manifest(with_file(deliver(tmp_path / "five"), sha256="0" * 64)),
            read_manifest(deliver(tmp_path / "six", kind="correction", known_date=LATER)),
            read_manifest(deliver(tmp_path / "seven", kind="correction", known_date=LATER, replaces="keys")),
            read_manifest(deliver(tmp_path / "eight", kind="history", from_date=date(2026, 1, 1))),
        )
    }
    assert len(others | {number}) == 6
    assert PINNED in others  # numbers stand in the warehouse for years
    assert all(0 <= other < 2**63 for other in others)


def test_the_manifest_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = deliver(tmp_path)
    write_manifest(path.parent, json.loads(path.read_text(encoding="utf-8")))
    assert sorted(child.name for child in path.parent.iterdir()) == ["manifest.json", "repayment_transaction.csv"]
