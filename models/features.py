"""What a model may look at: features that describe the borrower, declared with direction and words for people.

Whether a list, an officer or a visit of ours happened says what *we* think of a loan; a model that reads it learns its
own alarms. Protected attributes are refused by name (PIPL art. 24: no unreasonable differential treatment; ECOA lists
the grounds); verify with counsel which more apply.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

BORROWER, LENDER, MIXED = "BORROWER", "LENDER", "MIXED"
ORIGINS = (BORROWER, LENDER, MIXED)
MAX_FEATURES = 64
PROTECTED_WORDS = frozenset(
    ("age", "sex", "gender", "marital", "marriage", "married", "ethnic", "ethnicity", "nationality", "race", "religion",
     "disability", "pregnancy", "pregnant", "hukou", "birth", "birthday", "politics")
)  # fmt: skip
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


class FeatureError(ValueError):
    """A declaration that no model may be trained or scored with; the message names the feature and the reason."""


@dataclass(frozen=True)
class Feature:
    """One column that a model may read.

    direction: 1 when more of it is worse, -1 when more of it is better, 0 when neither is known beforehand.
    edges: where a raw clock or amount is cut into bands; band 0 lies below the first edge, a value on an edge belongs
        to the band above it. Empty: the value is read as it is.
    zh, en: the reason as people read it when the feature raises the risk of a loan.
    """

    name: str
    origin: str
    direction: int
    zh: str
    en: str
    edges: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise FeatureError(f"{self.name!r} is no column name")
        if self.origin not in ORIGINS:
            raise FeatureError(f"{self.name}: origin {self.origin!r} is none of {', '.join(ORIGINS)}")
        if self.direction not in {-1, 0, 1}:
            raise FeatureError(f"{self.name}: direction {self.direction!r} is none of -1, 0, 1")
        if not self.zh.strip() or not self.en.strip():
            raise FeatureError(f"{self.name}: reason text is wanted in Chinese and in English")
        if any(not math.isfinite(edge) for edge in self.edges) or list(self.edges) != sorted(set(self.edges)):
            raise FeatureError(f"{self.name}: edges have to be finite and rise strictly, not {self.edges}")


def feature_from_row(row: Mapping[str, str]) -> Feature:
    """A row of the policy ``feature``: feature_code, origin, direction, edges (separated by ;), text_zh, text_en."""
    try:
        edges = tuple(float(edge) for edge in row["edges"].split(";") if edge.strip())
        direction = int(row["direction"])
    except ValueError as error:
        raise FeatureError(f"{row['feature_code']}: direction and edges have to be numbers ({error})") from error
    return Feature(row["feature_code"], row["origin"], direction, row["text_zh"], row["text_en"], edges)


def refuse_unfit(features: Iterable[Feature]) -> None:
    """Raise FeatureError for the first feature that a model may not read, or a name given twice."""
    seen: set[str] = set()
    for feature in features:
        if feature.name in seen:
            raise FeatureError(f"{feature.name} is declared twice")
        seen.add(feature.name)
        if feature.origin == LENDER:
            raise FeatureError(f"{feature.name} says what the lender did, not what the borrower did: never a feature")
        protected = sorted(PROTECTED_WORDS & set(feature.name.split("_")))
        if protected:
            raise FeatureError(f"{feature.name} is a protected attribute ({', '.join(protected)}): never a feature")
    if not seen:
        raise FeatureError("a model without features decides nothing")
    if len(seen) > MAX_FEATURES:
        raise FeatureError(f"{len(seen)} features, at most {MAX_FEATURES}: nobody can read such a card")
