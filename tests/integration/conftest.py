"""The public loan data as deliveries, written once for all tests of this folder."""

from pathlib import Path

import pytest

from include.sample_bank import kiva, superlender
from include.sample_bank.source_book import Summary
from tests.oracle.real_data import real_data


@pytest.fixture(scope="session")
def kiva_landing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    """The landing folder with Kiva's deliveries. Read only."""
    landing = tmp_path_factory.mktemp("kiva") / "landing"
    return landing, kiva.write_deliveries(real_data("kiva"), landing)


@pytest.fixture(scope="session")
def superlender_landing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    """The landing folder with superlender's deliveries. Read only."""
    landing = tmp_path_factory.mktemp("superlender") / "landing"
    return landing, superlender.write_deliveries(real_data("superlender"), landing)
