"""The page that connects a lender by contracts alone does what it says: every file written, every command typed."""

from pathlib import Path

import pytest

from include.settings import PROJECT_DIR, Settings, load_settings
from tests.support.transcript import played

PAGE = PROJECT_DIR / "docs" / "cookbook" / "connect_a_lender.md"


@pytest.fixture
def installation(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An installation of which the lender knows nothing but how to set a variable."""
    assert settings.warehouse_url is not None
    monkeypatch.setenv("POSTLOAN_HOME", str(settings.home))
    monkeypatch.setenv("POSTLOAN_KEYS_DIR", str(settings.keys))
    monkeypatch.setenv("POSTLOAN_WAREHOUSE_URL", settings.warehouse_url.get_secret_value())
    for name in ("POSTLOAN_CONTRACTS_DIR", "POSTLOAN_LANDING_DIR"):
        monkeypatch.setenv(name, "")  # the page sets them; what they were comes back afterwards
    folder = tmp_path / "lender"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield folder
    load_settings.cache_clear()


def test_a_lender_is_connected_from_nothing_by_contracts_as_the_cookbook_says(installation: Path) -> None:
    answers = list(played(PAGE.read_text(encoding="utf-8"), installation, "gb18030"))
    for answer in answers:
        assert answer.is_as_said, f"$ {answer.command}\n" + "\n".join(answer.found)
    assert len(answers) == 10
    code = [path for path in installation.rglob("*") if path.is_file() and path.suffix not in {".yml", ".csv", ".json"}]
    assert code == [], "contracts, files and manifests, and nothing else"
