"""A signal is one SQL file and its policy rows; one without the other would be a warning that nobody can read."""

import csv
import re
import string

import pytest

from include.settings import DBT_PROJECT_DIR

POLICY = DBT_PROJECT_DIR / "seeds" / "policy"
INTERMEDIATE = DBT_PROJECT_DIR / "models" / "intermediate"
FACTS = {"observed_date", "observed_value", "past_due_amount", "currency"}


def rows(name: str) -> list[dict[str, str]]:
    with (POLICY / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


SIGNALS = sorted({row["signal_code"] for row in rows("signal")})


def test_every_signal_file_is_united_and_has_its_policy_row() -> None:
    files = {path.stem for path in INTERMEDIATE.glob("int_signal__*.sql")}
    united = set(re.findall(r"'(int_signal__\w+)'", (INTERMEDIATE / "int_signals.sql").read_text(encoding="utf-8")))
    assert files == united == {f"int_signal__{signal}" for signal in SIGNALS}


@pytest.mark.parametrize("signal", SIGNALS)
def test_every_signal_has_a_severity_from_the_first_day_and_words_in_two_languages(signal: str) -> None:
    severities = {int(row["from_days_past_due"]) for row in rows("signal_severity") if row["signal_code"] == signal}
    assert 0 in severities
    (words,) = [row for row in rows("reason_text") if row["reason_code"] == signal]
    for text in (words["text_zh"], words["text_en"]):
        assert {name for _, name, _, _ in string.Formatter().parse(text) if name} <= FACTS


def test_every_parameter_belongs_to_a_signal_and_is_read_by_it() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(INTERMEDIATE.glob("*.sql")))
    read = set(re.findall(r"signal_parameter\('(\w+)', '(\w+)'\)", text))
    assert read == {(row["signal_code"], row["parameter_code"]) for row in rows("signal_parameter")}
