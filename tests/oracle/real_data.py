"""Where the public loan data lies. It is never part of the repository."""

import os
from pathlib import Path

import pytest

DEFAULT = Path(__file__).resolve().parents[3] / "shared" / "data"


def real_data(name: str) -> Path:
    """The folder of one data set; skips the test, and says so, where it is absent."""
    folder = Path(os.environ.get("POSTLOAN_REAL_DATA", DEFAULT)) / name
    if not folder.is_dir():
        pytest.skip(f"real data not tested: {folder} is absent (POSTLOAN_REAL_DATA names the folder above it)")
    return folder
