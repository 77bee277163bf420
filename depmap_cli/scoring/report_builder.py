"""Turns the output of the networks into the report of a video."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from depmap_cli import __version__
from depmap_cli.domain.action_units import ACTION_UNITS, PRESENT_THRESHOLD
from depmap_cli.domain.bdi import BANDS, MAX_SCORE, bands_between, level_as_printed
from depmap_cli.errors import DepmapError, WeightsInvalid
from depmap_cli.faces import FaceSample
from depmap_cli.faces.align import in_picture
from depmap_cli.model.depmap import VideoScores
from depmap_cli.results import (
    ActionUnitSummary,
    Estimate,
    FrameRow,
    Interval,
    LevelEvidence,
    OutOfDistribution,
    Quality,
    Report,
    ScoreResult,
    SourceVideo,
    Status,
    Verdict,
    WeightsInfo,
)
from depmap_cli.scoring.behaviour_report import behaviour_report
from depmap_cli.scoring.estimator import VideoEstimate
from depmap_cli.scoring.options import ScoreOptions
from depmap_cli.scoring.refusal import refusal_hint
from depmap_cli.scoring.timeline import timeline_of
from depmap_cli.semantics.openface import AuSource, AuTable, describe_au_table
from depmap_cli.stats.conformal import half_widths
from depmap_cli.stats.out_of_distribution import TrainingFaceModel
from depmap_cli.video.reader import VideoProperties
from depmap_cli.weights.loading import Networks

SEMANTICS = "semantics"
"""``WeightsInfo.au_source`` of reports whose action units the semantic model has read."""


def build_report(
    networks: Networks,
    options: ScoreOptions,
    *,
    name: str,
    properties: VideoProperties,
    samples: list[FaceSample],
    quality: Quality,
    estimate: VideoEstimate | None,
    au_table: AuTable | None = None,
) -> ScoreResult:
    """Build the result of a video that was read to its end.

    Args:
        networks: the networks that scored the video.
        options: the options it was scored with.
        name: name of the video in the report.
        properties: size, rate and duration of the video.
        samples: all sampled frames.
        quality: outcome of the quality gate.
        estimate: output of the networks; None if the quality gate refused the video.
        au_table: the table that gave the action units; None if the semantic model did.

    Raises:
        WeightsInvalid: the estimated score is not a finite number, as with damaged weights.
    """
    source = SourceVideo(
        name=name,
        width=properties.width,
        height=properties.height,
        fps=round(properties.fps, 3),
        duration=properties.duration,
        notes=[*properties.notes, *_turn_notes(samples)],
    )
    rows = _frame_rows(samples, estimate, au_table, networks.config.faces.size)
    au_source = au_table.description if au_table else SEMANTICS
    content: dict[str, Any] = _common_content(networks, options, au_source)
    if estimate is None:
        refusals = [check.message for check in quality.checks if check.verdict == Verdict.refuse]
        content |= {
            "status": Status.refused,
            "reason": "; ".join(refusals),
            "hint": refusal_hint(samples, quality, au_table),
        }
    else:
        content |= {"status": Status.scored} | _estimate_content(
            networks, options, samples, estimate, au_table
        )
        content["behaviour"] = behaviour_report(samples, estimate.usable, properties, au_table)
        content["timeline"] = timeline_of(rows)
    report = Report(source=source, quality=quality, **content)
    pictures = [] if estimate is None else estimate.pictures
    return ScoreResult(report=report, frame_rows=rows, pictures=pictures)


def _turn_notes(samples: list[FaceSample]) -> list[str]:
    """Say how the picture was turned to have the face upright, if it was."""
    turns = {s.quarter_turns for s in samples if s.valid and s.quarter_turns}
    return [
        f"read turned by {90 * n} degrees counterclockwise, as the face is not upright"
        for n in sorted(turns)
    ]


def build_failure(
    networks: Networks, options: ScoreOptions, path: Path, name: str, error: DepmapError
) -> ScoreResult:
    """Build the result of a video that could not be read or scored.

    Args:
        networks: the networks that should have scored the video.
        options: the options it should have been scored with.
        path: the video.
        name: name of the video in the report.
        error: why it failed.
    """
    table = options.au_table_of(path)
    report = Report(
        source=SourceVideo(name=name),
        status=Status.failed,
        reason=error.message,
        hint=error.hint,
        **_common_content(networks, options, describe_au_table(table) if table else SEMANTICS),
    )
    return ScoreResult(report=report)


def _common_content(networks: Networks, options: ScoreOptions, au_source: str) -> dict[str, Any]:
    """Return the fields that every report has, whatever its status."""
    return {
        "depmap_version": __version__,
        "weights": weights_info(networks, au_source),
        "settings": {
            **options.sampling(networks.sampling).model_dump(),
            "subject": options.subject.value,
            "keyframes": options.keyframes,
            "device": networks.device.type,
            "face_size": networks.config.faces.size,
        },
    }


def _estimate_content(
    networks: Networks,
    options: ScoreOptions,
    samples: list[FaceSample],
    estimate: VideoEstimate,
    au_table: AuTable | None,
) -> dict[str, Any]:
    """Return the fields of a report that hold the output of the networks."""
    has_other_units = au_table is not None and not au_table.is_raw
    score, usable = float(estimate.scores.score), estimate.usable
    caution = calibration_caution(networks.sampling.frames, len(usable.times), has_other_units)
    reliable = {} if has_other_units else networks.semantics.reliable_units
    return {
        "estimate": estimate_of(score, networks.document, options.coverage, caution),
        "out_of_distribution": out_of_distribution_of(
            networks.training_face_model, usable.mean_embedding[None]
        ),
        "steadiness": estimate.steadiness,
        "levels": levels_of(estimate.scores),
        "keyframes": estimate.key_frames,
        "action_units": action_units_of(samples, usable.au_probabilities, reliable),
    }


def estimate_of(
    score: float, document: dict[str, Any], coverage: float, caution: str = ""
) -> Estimate:
    """Clip a score to the scale, and add its band and its conformal interval.

    Args:
        score: output of the network, BDI-II points.
        document: description stored with the weights; it holds the calibration residuals.
        coverage: nominal coverage of the interval, 0 to 1.
        caution: how the calibration differs from this estimate (``calibration_caution``).

    Raises:
        WeightsInvalid: the score is not a finite number, as with damaged weights.
    """
    if not np.isfinite(score):
        raise WeightsInvalid(
            "the weights give a score that is not a number", "run `depmap weights verify`"
        )
    calibration = document["calibration"]
    people = np.array(calibration["people"])
    score = float(np.clip(score, 0, MAX_SCORE))
    reach = float(half_widths(calibration, np.array([score]), coverage)[0])
    low, high = max(0.0, score - reach), min(float(MAX_SCORE), score + reach)
    return Estimate(
        score=round(score, 2),
        band=BANDS[level_as_printed(score)].name,
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


ENOUGH_FRAMES = 64
"""Usable frames from which more frames hardly change the error of an estimate (measured: LOG
L68)."""


def calibration_caution(
    calibrated_frames: int, used_frames: int, has_other_units: bool = False
) -> str:
    """Say how the calibration of the interval differs from an estimate; "" if it hardly does.

    An estimate from fewer frames has a larger error than the interval allows for. One from more
    frames has none.

    Args:
        calibrated_frames: frames of each video that the calibration residuals were computed from.
        used_frames: usable frames that the estimate was computed from.
        has_other_units: whether the action units of the estimate are not those that the semantic
            model reads.
    """
    differences = []
    if used_frames < min(calibrated_frames, ENOUGH_FRAMES):
        differences.append(f"from {calibrated_frames} frames per video, more than here")
    if has_other_units:
        differences.append("with action units from the semantic model")
    return f"calibrated with estimates {' and '.join(differences)}" if differences else ""


def out_of_distribution_of(
    faces: TrainingFaceModel | None, embeddings: Float[np.ndarray, "n d"]
) -> OutOfDistribution | None:
    """Say how far the usable frames of a video are from the training faces.

    Args:
        faces: model of the training faces; None if the weights have none.
        embeddings: image embeddings of the usable frames, or their mean (n = 1).

    Returns:
        None without a model of the training faces, or if it has too few reference videos.
    """
    if faces is None:
        return None
    distance = faces.distance(embeddings)
    is_outside = faces.is_out_of_distribution(distance)
    if is_outside is None:
        return None
    return OutOfDistribution(
        distance=round(distance, 3),
        share_nearer=round(faces.n_nearer(distance) / len(faces.reference), 4),
        n_reference=len(faces.reference),
        is_out_of_distribution=is_outside,
    )


def levels_of(scores: VideoScores) -> list[LevelEvidence]:
    """Return the share of each severity level in the key frames; [] without prototypes."""
    if scores.levels is None:
        return []
    return [
        LevelEvidence(name=band.name, low=band.low, high=band.high, share=round(share, 4))
        for band, share in zip(BANDS, scores.levels[0].tolist(), strict=True)
    ]


def action_units_of(
    samples: list[FaceSample], au_probabilities: np.ndarray, reliable: dict[str, bool]
) -> list[ActionUnitSummary]:
    """Summarise each action unit over the usable frames.

    Args:
        samples: all sampled frames, n of them usable.
        au_probabilities: (n, units).
        reliable: code of an action unit -> whether it is measured reliably.
    """
    times = [s.time for s in samples if s.valid]
    return [
        ActionUnitSummary(
            code=unit.code,
            name=unit.name,
            plain=unit.plain,
            mean=round(float(column.mean()), 4),
            sd=round(float(column.std()), 4),
            peak=round(float(column.max()), 4),
            peak_time=round(times[int(column.argmax())], 3),
            share_of_time=round(float((column >= PRESENT_THRESHOLD).mean()), 4),
            reliable=reliable.get(unit.code),
        )
        for unit, column in zip(ACTION_UNITS, au_probabilities.T, strict=True)
    ]


def _frame_rows(
    samples: list[FaceSample],
    estimate: VideoEstimate | None,
    au_table: AuTable | None,
    face_size: int,
) -> list[FrameRow]:
    """Return one row for each sampled frame; the model's columns are empty for unusable frames.

    ``face_size`` is the side of the aligned faces in pixels.
    """
    if estimate is None:
        return [_row(sample) for sample in samples]
    frames, angles = estimate.usable.features, estimate.usable.angles
    raw = estimate.usable.semantics.au_probabilities.numpy()
    landmarks = estimate.usable.semantics.landmarks
    source = AuSource.semantics
    if au_table is not None:
        source = au_table.source
        raw = np.where([unit.code in au_table.units for unit in ACTION_UNITS], raw, np.nan)
    rows, used = [], 0
    for sample in samples:
        if not sample.valid:
            rows.append(_row(sample))
            continue
        rows.append(
            _row(
                sample,
                weight=float(estimate.scores.weights[0, used]),
                score=float(frames.scores[used]),
                logits=None if frames.logits is None else frames.logits[used].numpy(),
                action_units=estimate.usable.au_probabilities[used],
                raw_action_units=raw[used],
                angles=None if angles is None else angles[used],
                face_landmarks=_in_picture(landmarks, used, sample, face_size),
                au_source=source,
            )
        )
        used += 1
    return rows


def _row(
    sample: FaceSample,
    weight: float = 0.0,
    score: float | None = None,
    logits: np.ndarray | None = None,
    action_units: np.ndarray | None = None,
    raw_action_units: np.ndarray | None = None,
    angles: np.ndarray | None = None,
    face_landmarks: np.ndarray | None = None,
    au_source: AuSource = AuSource.semantics,
) -> FrameRow:
    return FrameRow(
        number=sample.number,
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
        raw_action_units=raw_action_units,
        angles=angles,
        au_source=au_source.value,
        face_landmarks=face_landmarks,
        quarter_turns=sample.quarter_turns,
    )


def _in_picture(
    landmarks: Tensor | None, row: int, sample: FaceSample, face_size: int
) -> np.ndarray | None:
    """Landmarks of a usable frame in pixels of the video; None if they were not found."""
    if landmarks is None or sample.landmarks is None:
        return None
    return in_picture(landmarks[row].double().numpy(), sample.landmarks, face_size)


def weights_info(networks: Networks, au_source: str) -> WeightsInfo:
    """Describe the weights and where the action units come from (``au_source``)."""
    document, semantics = networks.document, networks.semantics.id
    return WeightsInfo(
        file=networks.path.name,
        sha256=networks.sha256,
        backbone=networks.config.model.backbone,
        semantics=f"{semantics.model} {semantics.sha256[:12]}",
        au_source=au_source,
        key_frames=networks.config.model.map,
        training_data=document["training_data"],
        simulated=bool(document.get("simulated", False)),
        development=document["development"],
    )
