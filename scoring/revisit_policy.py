"""The dated policies of the revisit plan as values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from scoring.bands import Bands
from scoring.policy_rows import ANY, PolicyError, PolicyRow, truth, valid_on

SELF_SERVICE, VOICE, FIELD = "SELF_SERVICE", "VOICE", "FIELD"
PRE_DUE_REMINDER, FIRST_DUE_CHECK = "PRE_DUE_REMINDER", "FIRST_DUE_CHECK"
SHORT_TERM_CHECKED = "SHORT_TERM_CHECKED"
UNDER_60_DAYS = "UNDER_60_DAYS"


@dataclass(frozen=True)
class Cadence:
    code: str
    days: int
    channel: str
    text: PolicyRow


@dataclass(frozen=True)
class RevisitPolicy:
    """``layers``: (layer, rank) by channel. ``retries`` by number of failed attempts; the last stands for all after."""

    bands: Bands
    cadences: tuple[PolicyRow, ...]
    short_term: Mapping[str, PolicyRow]
    triggers: Mapping[str, PolicyRow]
    retries: tuple[PolicyRow, ...]
    exemptions: Mapping[str, PolicyRow]
    layers: Mapping[str, tuple[str, int]]
    self_service_wait_days: int
    capacity_share: int

    def cadence(self, amount_band: str, term_band: str, tier: str, term_days: int) -> Cadence | None:
        """The shortest cadence, at most half the term, and the strongest channel of all rows that fit; None: no row."""
        fitting = [
            row
            for row in self.cadences
            if row["amount_band"] in (ANY, amount_band)
            and row["term_band"] in (ANY, term_band)
            and row["risk_tier"] in (ANY, tier)
        ]
        if not fitting:
            return None
        shortest = min(
            fitting, key=lambda row: (int(row["cadence_days"]), row["risk_tier"] == ANY, row["cadence_code"])
        )
        channel = self.strongest(*(row["least_channel_code"] for row in fitting))
        days = max(1, min(int(shortest["cadence_days"]), term_days // 2))
        return Cadence(shortest["cadence_code"], days, channel, shortest)

    def rank(self, channel: str) -> int:
        return self.layers[channel][1]

    def layer(self, channel: str) -> str:
        return self.layers[channel][0]

    def strongest(self, *channels: str) -> str:
        """The channel of the strongest layer; the first named of equals."""
        return max(channels, key=self.rank)

    def is_hard_due(self, trigger_code: str | None) -> bool:
        """Whether a revisit with this trigger stands above all others on its day."""
        return trigger_code is not None and truth(self.triggers[trigger_code]["is_hard_due"])

    def retry(self, attempts: int) -> PolicyRow:
        return self.retries[min(attempts, len(self.retries)) - 1]


def revisit_policy(day: date, bands: Bands, rows: Mapping[str, Iterable[PolicyRow]]) -> RevisitPolicy:
    """From the rows of ``revisit_*`` and ``contact_channel``, by policy name. Raises PolicyError with what is wrong."""
    valid = {name: valid_on(of_policy, day) for name, of_policy in rows.items()}
    layers = {row["channel_code"]: (row["channel_layer"], int(row["layer_rank"])) for row in valid["contact_channel"]}
    numbers = {row["parameter_code"]: int(row["parameter_value"]) for row in valid["revisit_parameter"]}
    retries = sorted(valid["revisit_retry"], key=lambda row: int(row["attempt_count"]))
    if [int(row["attempt_count"]) for row in retries] != list(range(1, len(retries) + 1)) or not retries:
        raise PolicyError("revisit_retry: attempts are numbered from 1 without a gap")
    for name in ("revisit_cadence", "revisit_short_term", "revisit_trigger", "revisit_retry"):
        for row in valid[name]:
            if row["least_channel_code"] not in layers:
                raise PolicyError(f"{name}: {row['least_channel_code']!r} is no channel of contact_channel")
    short_term = {row["check_code"]: row for row in valid["revisit_short_term"]}
    exemptions = {row["exemption_code"]: row for row in valid["revisit_exemption"]}
    if {PRE_DUE_REMINDER, FIRST_DUE_CHECK} - set(short_term) or SHORT_TERM_CHECKED not in exemptions:
        raise PolicyError("revisit_short_term and revisit_exemption: a check of short loans has no row")
    return RevisitPolicy(
        bands=bands,
        cadences=tuple(valid["revisit_cadence"]),
        short_term=short_term,
        triggers={row["trigger_code"]: row for row in valid["revisit_trigger"]},
        retries=tuple(retries),
        exemptions=exemptions,
        layers=layers,
        self_service_wait_days=numbers["self_service_wait_days"],
        capacity_share=numbers["revisit_capacity_share"],
    )
