"""Finds the deliveries of a system below the landing folder, and trusts no name or link that it finds there."""

import re
import stat
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from include.errors import DeliveryError
from include.landing.contract import load_systems
from include.landing.manifest import MANIFEST_NAME, Manifest, ManifestFile, read_manifest

DATE_FOLDER = re.compile(r"\d{4}-\d{2}-\d{2}")
HISTORY_FOLDER = "history"
MAX_FILE_BYTES = 64 * 1024**3


@dataclass(frozen=True)
class Delivery:
    """A delivery that is complete: its manifest is there."""

    folder: Path
    manifest: Manifest

    @property
    def order(self) -> tuple[date, date, int]:
        """Deliveries are landed as they become known; on one day the past before the present."""
        known_on = self.manifest.known_on
        return known_on, self.manifest.business_date, ("history", "correction", "daily").index(self.manifest.kind)

    def __str__(self) -> str:
        return f"{self.manifest.kind} delivery of {self.manifest.system} for {self.manifest.business_date}"


def daily_folder(landing: Path, system: str, business_date: date) -> Path:
    """Where the daily delivery of a date lies."""
    return landing / system / business_date.isoformat()


def connected_systems(landing: Path) -> list[str]:
    """The systems that this lender has: required ones, those we fetch, those with a folder in the landing area.

    A day that waited for a system that nobody has connected yet would always be late.
    """
    return [
        name
        for name, system in load_systems().items()
        if system.required or system.is_fetched or (system.cadence != "none" and (landing / name).is_dir())
    ]


def is_waited_for(landing: Path, system: str) -> bool:
    """Whether a day waits for this system's delivery: it is connected and delivers daily."""
    return load_systems()[system].cadence == "daily" and system in connected_systems(landing)


def find_deliveries(landing: Path, system: str, *, known_until: date) -> list[Delivery]:
    """Every delivery of ``system`` that may be used on ``known_until``, oldest first.

    Raises DeliveryError for a manifest that contradicts its folder, and for links and odd names.
    """
    root = landing / system
    if not root.is_dir():
        return []
    found = []
    for day in sorted(root.iterdir()):
        business_date = _as_date(day)
        if business_date is None or business_date > known_until:
            continue
        for folder in (day, *sorted(child for child in day.iterdir() if _is_delivery_folder(child))):
            path = folder / MANIFEST_NAME
            if not path.exists() and not path.is_symlink():
                continue
            _refuse_unsafe(landing, path)
            manifest = read_manifest(path)
            _check_place(path, manifest, system, business_date)
            if manifest.known_on <= known_until:
                found.append(Delivery(folder, manifest))
    return sorted(found, key=lambda delivery: delivery.order)


def safe_file(landing: Path, delivery: Delivery, file: ManifestFile) -> Path:
    """The path of a delivered file. Raises DeliveryError when it is missing, a link, no plain file or too large.

    The manifest admits only plain names, so this is the second of two fences.
    """
    path = delivery.folder / file.name
    if not path.exists() and not path.is_symlink():
        raise DeliveryError(f"{delivery}: {path} is listed in its manifest and is not there")
    _refuse_unsafe(landing, path)
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise DeliveryError(f"{path} has {size} bytes, more than {MAX_FILE_BYTES}: split the delivery into files")
    return path


def _refuse_unsafe(landing: Path, path: Path) -> None:
    if not stat.S_ISREG(path.lstat().st_mode):
        raise DeliveryError(f"{path} is a link or a device: only plain files are landed")
    if not path.resolve().is_relative_to(landing.resolve()):
        raise DeliveryError(f"{path} lies outside the landing folder {landing}")


def _is_delivery_folder(path: Path) -> bool:
    if path.is_symlink() or not path.is_dir():
        return False
    return path.name == HISTORY_FOLDER or DATE_FOLDER.fullmatch(path.name) is not None


def _as_date(path: Path) -> date | None:
    if not DATE_FOLDER.fullmatch(path.name):
        return None
    if path.is_symlink():
        raise DeliveryError(f"{path} is a link: only plain folders are searched", next_command=f"ls -l {path.parent}")
    if not path.is_dir():
        return None
    try:
        return date.fromisoformat(path.name)
    except ValueError:
        return None


def _check_place(path: Path, manifest: Manifest, system: str, business_date: date) -> None:
    known_on = path.parent.name
    expected = {"daily": business_date.isoformat(), "history": HISTORY_FOLDER}.get(
        manifest.kind, manifest.known_on.isoformat()
    )
    if (manifest.system, manifest.business_date, known_on) != (system, business_date, expected):
        raise DeliveryError(
            f"{path} says {manifest.kind} of {manifest.system} for {manifest.business_date}"
            f"{f' known on {manifest.known_date}' if manifest.known_date else ''}: "
            "that contradicts the folder in which it lies",
            next_command=f"cat {path}",
        )
