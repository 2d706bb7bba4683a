"""What stays of a version for those who validate and approve it: the card, what it was made from, how good it is.

Pure: the files of the evidence folder as a mapping of name to bytes, the same bytes for the same version anywhere.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from models.card import Card
from models.evaluate import SliceFigures
from models.render import Texts, render_card
from models.trees import Trees

FIGURE_COLUMNS = ("model", "slice", "metric", "value", "standard_error", "rows", "bads")


@dataclass(frozen=True)
class Evidence:
    """A version's evidence.

    windows: first and last date of the features of the rows, by use (training, out_of_time).
    population: counts of rows by what became of them (used, not matured, excluded and why).
    figures: champion's and challenger's, by slice, on rows that neither has learned from.
    shares: of training rows by band of each feature and of the score; later months are compared with them.
    importance: mean points by feature. swap_set: rows and bads of the worst tenth by one model and not the other.
    made_with: parameters and versions of the libraries. challenger: the version that may run beside it in shadow.
    challenger_shares: as shares, of the challenger's score.
    """

    card: Card
    author: str
    windows: Mapping[str, tuple[date, date]]
    population: Mapping[str, int]
    figures: Mapping[str, Sequence[SliceFigures]]
    shares: Mapping[str, Sequence[float]]
    importance: Mapping[str, float]
    swap_set: Mapping[str, tuple[int, int]]
    made_with: Mapping[str, str]
    challenger: Trees | None = None
    challenger_shares: Mapping[str, Sequence[float]] = field(default_factory=dict)


def evidence_files(evidence: Evidence, texts: Texts) -> dict[str, bytes]:
    """Every file of the folder ``<model>/<version>/``; texts: headings of the card for people, by code (zh, en)."""
    card = evidence.card
    facts = {
        "model_code": card.model_code,
        "version": card.version,
        "card_sha256": card.sha256,
        "label_code": card.label_code,
        "author": evidence.author,
        "windows": {name: [day.isoformat() for day in days] for name, days in evidence.windows.items()},
        "population": dict(evidence.population),
        "swap_set": {name: {"rows": rows, "bads": bads} for name, (rows, bads) in evidence.swap_set.items()},
        "importance_points": {name: round(points, 1) for name, points in evidence.importance.items()},
        "made_with": dict(evidence.made_with),
    }
    people = {
        f"card.{language}.md": render_card(
            card, evidence.figures, evidence.windows, evidence.population, texts, language
        )
        for language in ("zh", "en")
    }
    files = {
        "card.json": card.text,
        "card.sha256": f"{card.sha256}  card.json\n",
        "figures.csv": _figures(evidence.figures),
        "training_shares.json": _shares(evidence.shares),
        **people,
    }
    if evidence.challenger is not None:
        facts["challenger"] = {"version": evidence.challenger.version, "sha256": evidence.challenger.sha256}
        files |= {
            "challenger.json": evidence.challenger.text,
            "challenger.sha256": f"{evidence.challenger.sha256}  challenger.json\n",
            "challenger_shares.json": _shares(evidence.challenger_shares),
        }
    files["facts.json"] = json.dumps(facts, sort_keys=True, ensure_ascii=False, indent=1) + "\n"
    return {name: text.encode() for name, text in sorted(files.items())}


def _shares(shares: Mapping[str, Sequence[float]]) -> str:
    rounded = {name: [round(share, 6) for share in parts] for name, parts in shares.items()}
    return json.dumps(rounded, sort_keys=True, indent=1) + "\n"


def _figures(figures: Mapping[str, Sequence[SliceFigures]]) -> str:
    """Every figure with its n and bads; a slice without both outcomes is a row that says so."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(FIGURE_COLUMNS)
    for model, slices in sorted(figures.items()):
        for part in slices:
            if not part.figures:
                writer.writerow((model, part.name, "NOT_MATURE", "", "", part.rows, part.bads))
            for figure in part.figures:
                error = "" if figure.standard_error is None else f"{figure.standard_error:.6f}"
                writer.writerow(
                    (model, part.name, figure.metric, f"{figure.value:.6f}", error, figure.rows, figure.bads)
                )
    return out.getvalue()
