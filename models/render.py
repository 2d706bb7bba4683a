"""The card as people read it, in Chinese or English: what it is for, how good it is, every step of every feature."""

from collections.abc import Mapping, Sequence
from datetime import date

from models.card import Card, CardFeature
from models.evaluate import SliceFigures

Texts = Mapping[str, tuple[str, str]]
SHOWN = ("auc", "ks", "brier", "capture_10%", "precision_10%", "calibration_slope")


def render_card(
    card: Card,
    figures: Mapping[str, Sequence[SliceFigures]],
    windows: Mapping[str, tuple[date, date]],
    population: Mapping[str, int],
    texts: Texts,
    language: str,
) -> str:
    """Markdown. texts: (zh, en) by code; language: zh or en."""

    def say(code: str) -> str:
        return texts[code][0 if language == "zh" else 1]

    lines = [f"# {say('TITLE')} {card.model_code} {card.version}", ""]
    if card.watermark is not None:
        lines += [f"**{say('WATERMARK')} {card.watermark}**", ""]
    facts = {
        "LABEL": card.label_code,
        "HORIZON": str(card.horizon_days),
        "SETTLEMENT": str(card.settlement_days),
        "POPULATION": "; ".join(f"{name}: {', '.join(values)}" for name, values in card.population.items()),
        "SHA256": f"`{card.sha256}`",
        **{f"WINDOW_{name.upper()}": f"{first} – {last}" for name, (first, last) in sorted(windows.items())},
    }
    lines += [*_table((say("FACT"), ""), [(say(code), value) for code, value in facts.items()]), ""]
    lines += [say("INTENDED_USE"), "", f"## {say('ROWS')}", ""]
    counts = [(say(f"ROWS_{name.upper()}"), f"{count:,}") for name, count in sorted(population.items())]
    lines += [*_table((say("ROWS"), "n"), counts), "", f"## {say('FIGURES')}", ""]
    lines += [*_figures(figures, say("SLICE"), say("MODEL"), say("NOT_MATURE")), ""]
    for segment in card.segments:
        lines += [f"## {say('SEGMENT')} {' + '.join(segment.segments)}", ""]
        lines += [f"{say('LEARNED_FROM')}: n = {segment.rows:,}, {say('BADS')} = {segment.bads:,}", ""]
        lines += [f"{say('BASE_POINTS')}: {segment.intercept_points:,}", ""]
        lines += [f"{say('CALIBRATION')}: {segment.calibration.intercept_points:+,} + "
                  f"{segment.calibration.slope_millionths / 1_000_000:.6f} x", ""]  # fmt: skip
        for feature in segment.features:
            words = feature.zh if language == "zh" else feature.en
            lines += [f"### {words} (`{feature.name}`)", ""]
            lines += [*_table((say("BAND"), say("POINTS")), _bands(feature, say("MISSING"))), ""]
    return "\n".join(lines)


def _figures(figures: Mapping[str, Sequence[SliceFigures]], slice_: str, model: str, not_mature: str) -> list[str]:
    rows = []
    for name, slices in sorted(figures.items()):
        for part in slices:
            values = [part.value(metric) for metric in SHOWN]
            cells = [not_mature if value is None else f"{value:.4f}" for value in values]
            rows.append((name, part.name, f"{part.rows:,}", f"{part.bads:,}", *cells))
    return _table((model, slice_, "n", "bads", *SHOWN), rows)


def _bands(feature: CardFeature, missing: str) -> list[tuple[str, str]]:
    edges = [f"{edge:g}" for edge in feature.thresholds]
    names = [
        "–" if not edges else f"≤ {edges[0]}" if place == 0 else f"> {edges[-1]}" if place == len(edges) else
        f"{edges[place - 1]} < … ≤ {edges[place]}"
        for place in range(len(feature.points))
    ]  # fmt: skip
    points = [f"{points:+,}" for points in feature.points]
    return [*zip(names, points, strict=True), (missing, f"{feature.missing_points:+,}")]


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    return [
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
        *("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows),
    ]
