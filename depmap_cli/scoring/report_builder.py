"""From the model's vectors to the numbers of a report."""

from typing import Any

import numpy as np
from jaxtyping import Float

from depmap_cli.config import SamplingConfig
from depmap_cli.domain.action_units import ACTION_UNITS, PRESENT_THRESHOLD
from depmap_cli.domain.bdi import BANDS, MAX_SCORE, bands_between, level_of
from depmap_cli.errors import WeightsInvalid
from depmap_cli.faces import FaceSample
from depmap_cli.model.depmap import FrameFeatures, VideoScores
from depmap_cli.results import (
    ActionUnitSummary,
    Estimate,
    FrameRow,
    Interval,
    LevelEvidence,
    OutOfDistribution,
    Timeline,
    WeightsInfo,
)
from depmap_cli.stats.conformal import half_width
from depmap_cli.stats.out_of_distribution import TrainingFaceModel
from depmap_cli.weights.loading import Networks


def estimate_of(
    score: float, document: dict[str, Any], coverage: float, caution: str = ""
) -> Estimate:
    """The score clipped to the scale, with its conformal interval.

    ``document`` is that of the weights: it holds the calibration residuals. ``caution`` is that of
    ``calibration_caution``.

    Raises:
        WeightsInvalid: the score is no number, as of damaged weights.
    """
    if not np.isfinite(score):
        raise WeightsInvalid("the weights give no number", "see `depmap weights verify`")
    calibration = document["calibration"]
    people = np.array(calibration["people"])
    reach = half_width(np.array(calibration["residuals"]), people, coverage)
    score = float(np.clip(score, 0, MAX_SCORE))
    low, high = max(0.0, score - reach), min(float(MAX_SCORE), score + reach)
    return Estimate(
        score=round(score, 2),
        band=BANDS[level_of(score)].name,
        interval=Interval(
            level=coverage,
            low=round(low, 2),
            high=round(high, 2),
            bands=bands_between(low, high),
            n_people=len(np.unique(people)),
            caution=caution,
        ),
        training_mean=round(document["training_mean"], 2),
    )


def calibration_caution(
    calibrated: SamplingConfig, asked: SamplingConfig, au_table: bool = False
) -> str:
    """How the residuals of an interval were got otherwise than an estimate; empty if alike.

    Args:
        calibrated: the frames that residuals, and weights, were made for.
        asked: those that the estimate rests on.
        au_table: whether its action units come from a table of the user's.
    """
    others = []
    if asked.fps is not None or asked.frames != calibrated.frames:
        others.append(f"from {calibrated.frames} frames a video")
    if au_table:
        others.append("with action units from the semantic model")
    return f"set with estimates {' and '.join(others)}" if others else ""


def familiarity_of(
    faces: TrainingFaceModel | None, embeddings: Float[np.ndarray, "n d"]
) -> OutOfDistribution | None:
    """How unlike the training ``faces`` the usable frames are, by their CLIP embeddings."""
    if faces is None:
        return None
    distance = faces.distance(embeddings)
    unlike = faces.is_out_of_distribution(distance)
    if unlike is None:
        return None
    return OutOfDistribution(
        distance=round(distance, 3),
        share_nearer=round(faces.n_nearer(distance) / len(faces.reference), 4),
        n_reference=len(faces.reference),
        unlike=unlike,
    )


def levels_of(scores: VideoScores) -> list[LevelEvidence]:
    """The levels' shares over the key frames; empty without prototypes."""
    if scores.levels is None:
        return []
    return [
        LevelEvidence(name=band.name, low=band.low, high=band.high, share=round(share, 4))
        for band, share in zip(BANDS, scores.levels[0].tolist(), strict=True)
    ]


def action_units_of(
    samples: list[FaceSample], au_probabilities: np.ndarray, reliable: dict[str, bool]
) -> list[ActionUnitSummary]:
    """Each unit over the usable frames; ``au_probabilities`` is (usable frames, units)."""
    times = [s.time for s in samples if s.valid]
    rows = np.cumsum([s.valid for s in samples]) - 1
    return [
        ActionUnitSummary(
            code=unit.code,
            name=unit.name,
            plain=unit.plain,
            mean=round(float(column.mean()), 4),
            peak=round(float(column.max()), 4),
            peak_time=round(times[int(column.argmax())], 3),
            share_of_time=round(float((column >= PRESENT_THRESHOLD).mean()), 4),
            reliable=reliable.get(unit.code),
            trace=[
                round(float(column[row]), 4) if sample.valid else None
                for sample, row in zip(samples, rows, strict=True)
            ],
        )
        for unit, column in zip(ACTION_UNITS, au_probabilities.T, strict=True)
    ]


def timeline_of(rows: list[FrameRow]) -> Timeline:
    """The sampled frames in columns."""
    return Timeline(
        time=[round(row.time, 3) for row in rows],
        reason=[row.reason for row in rows],
        weight=[round(row.weight, 6) for row in rows],
        score=[None if row.score is None else round(row.score, 3) for row in rows],
        levels=[None if row.logits is None else _shares(row.logits) for row in rows],
    )


def _shares(logits: np.ndarray) -> list[float]:
    powers = np.exp(logits - logits.max())
    return [round(float(power), 4) for power in powers / powers.sum()]


def unscored_rows(samples: list[FaceSample]) -> list[FrameRow]:
    """One row a sampled frame of a video that got no score."""
    return [_row(sample) for sample in samples]


def scored_rows(
    samples: list[FaceSample],
    scores: VideoScores,
    frames: FrameFeatures,
    au_probabilities: np.ndarray,
) -> list[FrameRow]:
    """One row a sampled frame; the model's columns are empty where there is no usable face."""
    rows, used = [], 0
    for sample in samples:
        if not sample.valid:
            rows.append(_row(sample))
            continue
        logits = None if frames.logits is None else frames.logits[used].numpy()
        weight, score = float(scores.weights[0, used]), float(frames.scores[used])
        rows.append(_row(sample, weight, score, logits, au_probabilities[used]))
        used += 1
    return rows


def _row(
    sample: FaceSample,
    weight: float = 0.0,
    score: float | None = None,
    logits: np.ndarray | None = None,
    action_units: np.ndarray | None = None,
) -> FrameRow:
    return FrameRow(
        time=sample.time,
        valid=sample.valid,
        reason=sample.reason,
        origin=sample.origin,
        n_faces=sample.n_faces,
        probability=sample.probability,
        box=sample.box,
        landmarks=sample.landmarks,
        weight=weight,
        score=score,
        logits=logits,
        action_units=action_units,
    )


def weights_info(networks: Networks, au_source: str) -> WeightsInfo:
    """Which model it was."""
    document, semantics = networks.document, networks.semantics.id
    return WeightsInfo(
        file=networks.path.name,
        sha256=networks.sha256,
        backbone=networks.config.model.backbone,
        semantics=f"{semantics.model} {semantics.sha256[:12]}",
        au_source=au_source,
        training_data=document["training_data"],
        simulated=bool(document.get("simulated", False)),
        development=document["development"],
    )
