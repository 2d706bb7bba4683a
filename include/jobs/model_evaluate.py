"""evaluate: a draft beside the champion in force, on month-ends that the draft has not learned from."""

import json
import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from include.durable_files import write_durably
from include.errors import RefusedError
from include.jobs.model_cards import CARDS_DIR, versions_in_use
from include.jobs.model_drafts import read_draft
from include.jobs.train import LIST_SHARE
from include.jobs.training_rows import model_policy, training_rows
from include.settings import Settings
from include.warehouse.connection import connect
from include.warehouse.roles import TRANSFORMER
from include.warehouse.runs import load_run
from models import evaluate
from models.card import Card
from models.evaluate import SliceFigures
from models.points import probability
from models.registry import CHAMPION
from models.trees import Trees
from scoring.shadow import version_points

log = logging.getLogger(__name__)
FILE = "evaluation.json"
FIRST, BETTER, NOT_BETTER = "FIRST", "BETTER", "NOT_BETTER"


def model_evaluate(run_id: str, settings: Settings, *, model_code: str, version: str) -> dict[str, Any]:
    """Judge a draft's card and its full challenger against the champion of the run's date, on the same rows.

    Only rows that all of them may score count. Writes ``evaluation.json`` beside the draft's evidence and returns the
    areas under the curve, n, bads and ``verdict``: FIRST without a champion, else BETTER or NOT_BETTER by the card's
    area. People decide; nothing follows from the verdict. Raises RefusedError for a draft that is missing or changed,
    or when the run knows no outcome of its months.
    """
    draft = read_draft(model_code, version, settings)
    with connect(settings, role=TRANSFORMER) as connection:
        day = load_run(connection, run_id).business_date
        in_use = versions_in_use(connection, day, CARDS_DIR)
    champion = next((one for one in in_use if one.entry.state == CHAMPION and one.entry.model_code == model_code), None)
    policy = model_policy(model_code, day, settings)
    if policy is None:
        raise RefusedError(f"{model_code} has no row in the policy model_label on {day}")
    found = training_rows(run_id, model_code, policy, settings)
    as_of = found.frame["as_of"].to_numpy(dtype="datetime64[D]")
    first, last = (np.datetime64(edge) for edge in draft.judged)
    scorers: dict[str, Card | Trees] = {"draft": draft.card, "draft, full": draft.challenger}
    if champion is not None:
        scorers["champion"] = champion.scorer
    scored = {name: version_points(found.frame, scorer) for name, scorer in scorers.items()}
    judged = found.labels.is_usable & (as_of >= first) & (as_of <= last)
    for _, chosen in scored.values():
        judged &= chosen
    is_bad = found.labels.is_bad[judged]
    if not 0 < int(is_bad.sum()) < len(is_bad):
        raise RefusedError(
            f"{model_code} {version}: {int(is_bad.sum())} bads of {len(is_bad)} rows of {first} to {last} that every "
            f"version may score, as {day} knows them: nothing can be compared"
        )
    segment = found.frame["segment_code"].to_numpy(dtype=object)[judged]
    slices = {"all": np.ones(len(is_bad), dtype=np.bool_)}
    slices |= {f"segment {name}": segment == name for name in sorted(set(segment.tolist()))}
    rates = {name: probability(points[judged]) for name, (points, _) in scored.items()}
    figures = {name: evaluate.by_slice(is_bad, rate, slices) for name, rate in rates.items()}
    areas = {name: float(figures[name][0].value("auc") or 0.0) for name in figures}
    verdict = FIRST if champion is None else BETTER if areas["draft"] > areas["champion"] else NOT_BETTER
    document = {
        "model_code": model_code,
        "version": version,
        "card_sha256": draft.card.sha256,
        "champion": None if champion is None else champion.entry.version,
        "run_id": run_id,
        "business_date": day.isoformat(),
        "window": [edge.isoformat() for edge in draft.judged],
        "verdict": verdict,
        "figures": {name: [_told(part) for part in parts] for name, parts in sorted(figures.items())},
        "swap_set": {} if champion is None else _swaps(is_bad, rates),
    }
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, indent=1) + "\n"
    write_durably(draft.folder / FILE, text.encode())
    log.info("%s %s: %s, %s", model_code, version, verdict, areas)
    return {
        "model_code": model_code,
        "version": version,
        "verdict": verdict,
        "rows": len(is_bad),
        "bads": int(is_bad.sum()),
        "areas": {name: round(area, 4) for name, area in areas.items()},
        "folder": str(draft.folder),
    }


def _told(part: SliceFigures) -> dict[str, Any]:
    values = {figure.metric: round(figure.value, 6) for figure in part.figures}
    return {"slice": part.name, "rows": part.rows, "bads": part.bads, "figures": values or "NOT_MATURE"}


def _swaps(is_bad: NDArray[np.bool_], rates: dict[str, NDArray[np.float64]]) -> dict[str, dict[str, int]]:
    """What the list of a tenth would gain and lose by the draft's card."""
    parts = evaluate.swap_set(is_bad, rates["champion"], rates["draft"], LIST_SHARE)
    return {name: {"rows": rows, "bads": bads} for name, (rows, bads) in parts.items()}
