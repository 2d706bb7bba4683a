"""Object storage through Airflow's own path: the sender's manifest or a marker says that a delivery is complete.

The path is the real ObjectStoragePath; what lies behind it here is a local directory (``file://``).
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import yaml

from dags.source_connection import open_storage, through_airflow
from include.errors import DeliveryError, PostloanError, SourceError
from include.jobs.fetch import fetch
from include.jobs.land import land
from include.landing.contract import contracts_of, load_systems
from include.landing.contract_source import ObjectStorage
from include.landing.delivery_writer import write_delivery
from include.settings import CONTRACTS_DIR, Settings
from include.sources.connection import from_environment
from include.sources.object_storage import StorageFetch
from include.sources.storage_path import opened_with
from tests.support.landing_rows import payment, payments, query
from tests.support.source_systems import lender

DAY, NEXT = date(2026, 1, 5), date(2026, 1, 6)
OURS = yaml.safe_load((CONTRACTS_DIR / "payments" / "repayment_transaction.yml").read_text(encoding="utf-8"))
HEADER = ",".join(column["name"] for column in OURS["columns"])


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    folder = tmp_path / "bucket 桶"
    folder.mkdir()
    return folder


@pytest.fixture
def with_manifest(bucket: Path, tmp_path: Path) -> Iterator[StorageFetch]:
    """Payments come with the sender's own manifest."""
    source = {"kind": "object_storage", "path": _uri(bucket)}
    with lender(tmp_path / "contracts", "payments", source):
        yield storage()


@pytest.fixture
def with_marker(bucket: Path, tmp_path: Path) -> Iterator[StorageFetch]:
    """Payments come as files of the sender's own names, and an empty file last."""
    source = {
        "kind": "object_storage", "path": _uri(bucket), "folder": "{YYYY}/{MM}{DD}", "marker": "_SUCCESS",
        "encoding": "gb18030",
    }  # fmt: skip
    contract = OURS | {"source": {"files": "HK_*.csv"}}
    with lender(tmp_path / "contracts", "payments", source, repayment_transaction=contract):
        yield storage()


def _uri(bucket: Path) -> str:
    link = bucket.parent / "bucket"
    link.symlink_to(bucket)
    return f"file://{link}"


def storage() -> StorageFetch:
    source = load_systems()["payments"].source
    assert isinstance(source, ObjectStorage)
    return StorageFetch(source, "payments", open_storage(source))


def put(bucket: Path, name: str, *rows: str, encoding: str = "gb18030") -> Path:
    path = bucket / "2026" / "0105" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding=encoding)
    return path


def row(number: int, amount: str = "10.00") -> str:
    return f"T{number},L1,2026-01-05,2026-01-05,CNY,{amount},REPAYMENT,,银行,false"


def nothing_known(day: date, inside: str) -> bool:
    return False


def test_it_is_airflows_own_path_that_is_read(with_manifest: StorageFetch) -> None:
    from airflow.sdk import ObjectStoragePath

    assert isinstance(with_manifest.root, ObjectStoragePath)


def test_a_senders_deliveries_land_as_they_are_and_corrections_are_found_by_themselves(
    with_manifest: StorageFetch, bucket: Path, settings: Settings
) -> None:
    tables = {"repayment_transaction": payments(payment("T1"), payment("T2"))}
    written = write_delivery(bucket, "", DAY, tables)
    written.write_text(written.read_text(encoding="utf-8").replace('"system": ""', '"system": "payments"'))
    first = fetch(DAY, "payments", settings, through_airflow())
    assert (first.is_there, first.rows) == (True, 2)
    assert land(DAY, "payments", settings).is_complete
    assert fetch(DAY, "payments", settings, through_airflow()).put == (), "it has landed"
    correction = {"repayment_transaction": payments(payment("T1"), payment("T2", amount="7.00"))}
    written = write_delivery(bucket, "", DAY, correction, kind="correction", known_date=NEXT)
    written.write_text(written.read_text(encoding="utf-8").replace('"system": ""', '"system": "payments"'))
    assert fetch(DAY, "payments", settings, through_airflow()).put == (), "nobody may know of it yet"
    again = fetch(NEXT, "payments", settings, through_airflow())
    assert [Path(path).parent.name for path in again.put] == ["2026-01-06"]
    assert not again.is_there
    changed = {"repayment_transaction": payments(payment("T1"), payment("T2", amount="8.00"))}
    written = write_delivery(bucket, "", DAY, changed)
    written.write_text(written.read_text(encoding="utf-8").replace('"system": ""', '"system": "payments"'))
    with pytest.raises(DeliveryError, match="is no longer what landed for 2026-01-05"):
        fetch(NEXT, "payments", settings, through_airflow())
    assert query(settings, "select count(*) from raw.payments__repayment_transaction") == [(2,)]


def test_files_with_a_marker_get_their_manifest_from_us_and_the_names_that_landing_knows(
    with_marker: StorageFetch, bucket: Path, tmp_path: Path
) -> None:
    put(bucket, "HK_02.csv", row(3))
    put(bucket, "HK_01.csv", row(1), row(2, amount="soon"))
    assert with_marker.marked(DAY, contracts_of("payments"), tmp_path) is None, "the sender has not ended yet"
    (bucket / "2026" / "0105" / "_SUCCESS").touch()
    fetched = with_marker.marked(DAY, contracts_of("payments"), tmp_path)
    assert fetched is not None
    (table,) = fetched.manifest.tables
    assert table.encoding == "gb18030"
    assert [(file.name, file.row_count, file.control_total) for file in table.files] == [
        ("repayment_transaction-0001.csv", 2, "10.00"),
        ("repayment_transaction-0002.csv", 1, "10.00"),
    ]


def test_a_marked_date_without_a_required_file_is_refused(
    with_marker: StorageFetch, bucket: Path, tmp_path: Path
) -> None:
    put(bucket, "HK_01.csv", row(1)).unlink()
    (bucket / "2026" / "0105" / "_SUCCESS").touch()
    with pytest.raises(DeliveryError, match="holds no file of repayment_transaction"):
        with_marker.marked(DAY, contracts_of("payments"), tmp_path)


def test_a_file_that_no_contract_claims_is_named(with_marker: StorageFetch, bucket: Path, tmp_path: Path) -> None:
    put(bucket, "HK_01.csv", row(1))
    put(bucket, "summary.csv", "1")
    (bucket / "2026" / "0105" / "_SUCCESS").touch()
    with pytest.raises(DeliveryError, match=r"summary\.csv is claimed by no table"):
        with_marker.marked(DAY, contracts_of("payments"), tmp_path)


def test_a_file_that_is_not_the_one_of_its_manifest_is_not_taken(
    with_manifest: StorageFetch, bucket: Path, tmp_path: Path
) -> None:
    written = write_delivery(bucket, "", DAY, {"repayment_transaction": payments(payment("T1"))})
    written.write_text(written.read_text(encoding="utf-8").replace('"system": ""', '"system": "payments"'))
    with (written.parent / "repayment_transaction.csv").open("a") as file:
        file.write("T9,")
    ((folder, manifest),) = with_manifest.manifests(DAY, nothing_known)
    with pytest.raises(SourceError, match="still being written"):
        with_manifest.copied(folder, manifest, tmp_path)


def test_a_delivery_of_another_system_is_refused(with_manifest: StorageFetch, bucket: Path) -> None:
    write_delivery(bucket, "", DAY, {"repayment_transaction": payments(payment("T1"))})
    with pytest.raises(DeliveryError):
        list(with_manifest.manifests(DAY, nothing_known))


def test_storage_that_cannot_be_read_is_a_source_that_failed(
    with_manifest: StorageFetch, bucket: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class EndpointConnectionError(Exception):
        """As botocore's: no OSError."""

    def broken(*_: object) -> None:
        raise EndpointConnectionError("https://key:secret@lake.example")

    monkeypatch.setattr(type(with_manifest.root), "glob", broken, raising=False)
    with pytest.raises(SourceError, match=r"cannot be read: EndpointConnectionError\. Nothing was landed"):
        list(with_manifest.manifests(DAY, nothing_known))


def test_storage_for_which_nothing_is_installed_is_said_so() -> None:
    source = ObjectStorage(kind="object_storage", path="s3://lake/core")
    with pytest.raises(PostloanError, match="its fsspec package is missing"):
        opened_with(from_environment)(source)


def test_the_command_line_reads_the_same_directory(with_manifest: StorageFetch, bucket: Path) -> None:
    written = write_delivery(bucket, "", DAY, {"repayment_transaction": payments(payment("T1"))})
    written.write_text(written.read_text(encoding="utf-8").replace('"system": ""', '"system": "payments"'))
    root = opened_with(from_environment)(with_manifest.source)
    ((folder, _),) = StorageFetch(with_manifest.source, "payments", root).manifests(DAY, nothing_known)
    assert folder.name == "2026-01-05"
