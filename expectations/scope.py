"""What an audit looks at: one run, and the schemas in which it finds the tables."""

import re
from dataclasses import dataclass
from datetime import date

NO_BASE = ""
BEFORE_EVERYTHING = date.min


@dataclass(frozen=True)
class Scope:
    """The names and values that the SQL of a rule may use, as ``{candidate}.loan_position`` or ``{business_date}``.

    ``candidate`` shows what readers would see if the run were published (signals and borrowers: as far as this run
    wrote them), ``published`` holds what runs wrote, ``ref`` the policies. Without a base (nothing published before)
    ``base_run_id`` is empty. ``known_date`` (None: the business date itself) is for the staging views.
    """

    run_id: str
    business_date: date
    known_date: date | None = None
    base_run_id: str = NO_BASE
    base_business_date: date = BEFORE_EVERYTHING
    is_keyframe: bool = False
    candidate: str = "candidate"
    published: str = "published"
    staging: str = "staging"
    intermediate: str = "intermediate"
    ref: str = "ref"
    ops: str = "ops"

    def __post_init__(self) -> None:
        for run_id in (self.run_id, self.base_run_id):
            if not re.fullmatch(r"[0-9a-f]{16}|", run_id):
                raise ValueError(f"not a run_id: {run_id!r}")
        for schema in (self.candidate, self.published, self.staging, self.intermediate, self.ref, self.ops):
            if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", schema):
                raise ValueError(f"not a schema name: {schema!r}")

    def sql(self, template: str) -> str:
        """``template`` with this scope's names and values; every one of them was checked above or is a date."""
        return template.format(
            run=f"business_date = date '{self.business_date}' and run_id = '{self.run_id}'",
            base=f"business_date = date '{self.base_business_date}' and run_id = '{self.base_run_id}'",
            valid=f"valid_from <= date '{self.business_date}' "
            f"and coalesce(valid_to, date '9999-12-31') >= date '{self.business_date}'",
            run_id=f"'{self.run_id}'",
            base_run_id=f"'{self.base_run_id}'",
            business_date=f"date '{self.business_date}'",
            base_business_date=f"date '{self.base_business_date}'",
            is_keyframe=str(self.is_keyframe).lower(),
            candidate=self.candidate,
            published=self.published,
            staging=self.staging,
            intermediate=self.intermediate,
            ref=self.ref,
            ops=self.ops,
        )
