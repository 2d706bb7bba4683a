"""Every setting, its default and its environment variable (``POSTLOAN_`` + upper-case name)."""

from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Literal
from zoneinfo import available_timezones

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_DIR = Path(__file__).resolve().parent.parent
DBT_PROJECT_DIR = PROJECT_DIR / "dbt_project"
CONTRACTS_DIR = PROJECT_DIR / "include" / "contracts"


class Settings(BaseSettings):
    """What an installation may choose. Settings that change published rows enter every run_id (``output_settings``)."""

    model_config = SettingsConfigDict(env_prefix="POSTLOAN_", frozen=True, env_ignore_empty=True)

    home: Path = Field(PROJECT_DIR / ".local", description="server data, Airflow home, logs, exports; never in git")
    warehouse_url: SecretStr | None = Field(None, description="own PostgreSQL 15+; empty: the embedded server in home")
    warehouse_logins: SecretStr | None = Field(
        None, description="a login of its own for each role, as JSON; empty: the login of the warehouse takes the roles"
    )
    airflow_database_url: SecretStr | None = Field(None, description="own metadata database; empty: embedded")
    landing_dir: Path | None = Field(None, description="where deliveries arrive; empty: home/landing")
    export_dir: Path | None = Field(None, description="where deliver writes; empty: home/exports")
    keys_dir: Path | None = Field(None, description="where token_keys.json and vault_keys.json lie; empty: home/keys")
    token_keys: SecretStr | None = Field(None, description="the token keys themselves, in place of their file")
    vault_keys: SecretStr | None = Field(None, description="the keys of the vault themselves, in place of their file")
    contracts_dir: Path | None = Field(
        None, description="the lender's own contracts, laid over those of include/contracts; empty: only these"
    )
    timezone: str = Field("Asia/Shanghai", description="the lender's zone: schedules and deadlines")
    language: Literal["zh-CN", "en"] = Field("zh-CN", description="which language people see first")
    policy_set: str = "CN_2023"
    schedule_from: date = Field(
        date(2999, 1, 1), description="first day on which the schedule runs by itself; until then dates are triggered"
    )
    smtp_url: SecretStr | None = Field(
        None, description="mail server for digests, smtp(s)://user:password@host:port/?from=..&to=..; empty: files only"
    )
    data_docs_dates: int = Field(60, ge=1, description="of how many business dates the Data Docs are kept")
    accepted_quarantine_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="a delivery with up to this share of bad rows is landed even where its contract allows less",
    )
    quarantine_same_person: bool = Field(
        False, description="who corrected a refused row may release it too: for a demo with one person, nowhere else"
    )
    statement_timeout_seconds: int = 1800
    writer_wait_seconds: int = Field(900, description="how long open_run waits for another date's run")

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError(f"{name!r} is no time zone like Asia/Shanghai")
        return name

    @property
    def landing(self) -> Path:
        return self.landing_dir or self.home / "landing"

    @property
    def exports(self) -> Path:
        return self.export_dir or self.home / "exports"

    @property
    def keys(self) -> Path:
        return self.keys_dir or self.home / "keys"

    def output_settings(self) -> dict[str, str]:
        """The settings that change published rows: they enter run_id."""
        return {"timezone": self.timezone, "policy_set": self.policy_set}


@lru_cache
def load_settings() -> Settings:
    """The settings of this process, read once from the environment."""
    return Settings()
