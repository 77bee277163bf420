"""A hand-made result: 24 sampled frames, five of them unusable, four key frames, 18 units."""

import numpy as np

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.domain.bdi import BANDS, level_of
from depmap_cli.results import (
    ActionUnitSummary,
    Behaviour,
    Check,
    Estimate,
    EventSummary,
    FrameRow,
    HeadGazeSummary,
    Interval,
    KeyFrame,
    LevelEvidence,
    OutOfDistribution,
    Quality,
    Report,
    SourceVideo,
    Status,
    Steadiness,
    Verdict,
    WeightsInfo,
)
from depmap_cli.scoring.timeline import timeline_of

N_FRAMES = 24
INVALID = {5: "no face", 6: "no face", 7: "no face", 15: "another face", 23: "no face"}
KEYS = ((11, 0.31), (3, 0.22), (18, 0.12), (9, 0.08))
UNRELIABLE = ("AU7", "AU23")


def drawn_face(skin: int = 190, eye_gap: int = 20, smile: int = 6) -> np.ndarray:
    """A face of simple shapes with skin texture, (128, 128, 3) RGB uint8."""
    y, x = np.mgrid[0:128, 0:128].astype(float)
    face = np.full((128, 128, 3), (60, 90, 120), np.uint8)
    face[np.hypot((x - 64) / 48, (y - 66) / 60) < 1] = (skin, skin * 3 // 4, skin * 3 // 5)
    for side in (-1, 1):
        face[np.hypot((x - 64 - side * eye_gap) / 9, (y - 52) / 4) < 1] = (30, 25, 20)
        brow = np.abs(y - 40 + side * (x - 64 - side * eye_gap) * 0.1) < 2
        face[brow & (np.abs(x - 64 - side * eye_gap) < 12)] = (40, 30, 20)
    bow = 92 + smile - smile * ((x - 64) / 18) ** 2
    face[(np.abs(y - bow) < 3) & (np.abs(x - 64) < 18)] = (150, 40, 50)
    texture = np.random.default_rng(skin).integers(-12, 13, face.shape)
    return np.clip(face.astype(int) + texture, 0, 255).astype(np.uint8)


def warm_spot(x: float, y: float) -> np.ndarray:
    """A heat map, (16, 16): 1 at ``x`` and ``y``, given as shares of the side, and falling off."""
    rows, columns = (np.mgrid[0:16, 0:16] + 0.5) / 16
    return np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 0.02)


def _weights() -> list[float]:
    weights = np.array([0.0 if i in INVALID else 1.0 for i in range(N_FRAMES)])
    weights[[i for i, _ in KEYS]] = 0
    weights *= (1 - sum(w for _, w in KEYS)) / weights.sum()
    for i, weight in KEYS:
        weights[i] = weight
    return [round(float(w), 6) for w in weights]


def _scores() -> list[float | None]:
    wave = [17.4 + 6 * float(np.sin(i / 2.5)) for i in range(N_FRAMES)]
    return [None if i in INVALID else round(s, 3) for i, s in enumerate(wave)]


def _logits(score: float) -> np.ndarray:
    centres = np.array([7.0, 17.0, 24.0, 40.0])
    return -(((score - centres) / 8) ** 2)


def _shares(score: float) -> list[float]:
    e = np.exp(_logits(score))
    return [round(float(s), 6) for s in e / e.sum()]


def _probability(unit: int, frame: int) -> float:
    return round(float(np.clip(0.35 + 0.1 * (unit % 4) + 0.4 * np.sin(frame / 3 + unit), 0, 1)), 4)


def _raw_probabilities(frame: int) -> np.ndarray:
    """Those of a person whose neutral face seems to show a little of every unit."""
    return np.array([0.1 + 0.9 * _probability(u, frame) for u in range(len(ACTION_UNITS))])


def _angles(frame: int) -> np.ndarray:
    """Degrees: a head that nods and turns, eyes that look down and aside."""
    turns = np.sin(frame / np.array([4.0, 6.0, 9.0, 2.0, 3.0]))
    angles: np.ndarray = np.array([8.0, -12.0, 2.5, 5.0, 9.0]) * turns + 1.0
    return angles


def _behaviour() -> Behaviour:
    """Smiles were counted, blinks were not: the sampling is too sparse."""
    about = {"seconds_read": 15.8, "frames_per_second": 1.2}
    return Behaviour(
        n_frames=19,
        frames_per_second=1.2,
        seconds_read=15.8,
        events=[
            EventSummary(
                name="smile", plain="smiles", number=2, per_minute=7.59, mean_seconds=1.66,
                amplitude=0.52, **about,
            ),
            EventSummary(
                name="frown", plain="frowns", number=0, per_minute=0.0, mean_seconds=None,
                amplitude=None, **about,
            ),
            EventSummary(
                name="blink", plain="blinks", number=None, per_minute=None, mean_seconds=None,
                amplitude=None, **about,
                caution="needs at least 12 frames/s, but 1.2 were read; give --fps 15",
            ),
        ],
        head_gaze=[
            HeadGazeSummary(name="pitch", plain="head bowed", mean=3.1, sd=5.2, low=-4.0, high=9.0),
            HeadGazeSummary(
                name="gaze_y", plain="eyes down", mean=2.2, sd=6.0, low=-7.5, high=9.6
            ),
        ],
        share_looking_down=0.21,
        share_looking_away=0.16,
        head_movement=11.4,
    )  # fmt: skip


def _time(frame: int) -> float:
    return round(0.5 + frame * 0.83, 3)


def _unit_summaries() -> list[ActionUnitSummary]:
    summaries = []
    for u, unit in enumerate(ACTION_UNITS):
        trace = [None if i in INVALID else _probability(u, i) for i in range(N_FRAMES)]
        known = [(v, i) for i, v in enumerate(trace) if v is not None]
        summaries.append(
            ActionUnitSummary(
                code=unit.code,
                name=unit.name,
                plain=unit.plain,
                mean=round(sum(v for v, _ in known) / len(known), 4),
                sd=round(float(np.std([v for v, _ in known])), 4),
                peak=max(known)[0],
                peak_time=_time(max(known)[1]),
                share_of_time=sum(v >= 0.5 for v, _ in known) / len(known),
                reliable=unit.code not in UNRELIABLE,
            )
        )
    return summaries


def _keyframes() -> list[KeyFrame]:
    scores = _scores()
    return [
        KeyFrame(
            rank=rank,
            time=_time(i),
            weight=weight,
            score=scores[i] or 0.0,
            level=BANDS[level_of(scores[i] or 0.0)].name,
            action_units=["AU12", "AU6", "AU25"][: rank % 4],
        )
        for rank, (i, weight) in enumerate(KEYS, 1)
    ]


def _quality() -> Quality:
    checks = [
        Check(
            name="usable_share", label="share of frames with a usable face", value=19 / 24, unit="",
            warn=0.8, refuse=0.3, worse="below", verdict=Verdict.warn,
            message="A usable face in 79 % of frames; estimates are steadier above 80 %.",
        ),
        Check(
            name="longest_gap", label="longest stretch without a face", value=2.5, unit="s",
            warn=5.0, refuse=None, worse="above", verdict=Verdict.passed,
            message="The face was lost for 2.5 s at most.",
        ),
        Check(
            name="face_size", label="distance between the eyes", value=81.3, unit="px",
            warn=24.0, refuse=10.0, worse="below", verdict=Verdict.passed,
            message="The eyes lie 81 px apart.",
        ),
        Check(
            name="duration", label="length of the video", value=20.0, unit="s",
            warn=10.0, refuse=1.0, worse="below", verdict=Verdict.passed,
            message="The video lasts 20.0 s.",
        ),
    ]  # fmt: skip
    return Quality(verdict=Verdict.warn, sampled_frames=24, usable_frames=19, checks=checks)


def frame_rows() -> list[FrameRow]:
    scores, weights = _scores(), _weights()
    return [
        FrameRow(
            number=5 * i + 1,
            time=_time(i),
            valid=i not in INVALID,
            reason=INVALID.get(i, ""),
            origin="" if i in INVALID else "detected" if i % 3 == 0 else "interpolated",
            n_faces=1 if INVALID.get(i) != "no face" else 0,
            probability=0.0 if i in INVALID else 0.99,
            box=None if i in INVALID else np.array([100.0, 80.0, 260.0, 280.0]) + i,
            landmarks=None if i in INVALID else np.arange(10.0).reshape(5, 2) * 10 + i,
            weight=weights[i],
            score=score,
            logits=None if score is None else _logits(score),
            action_units=None
            if score is None
            else np.array([_probability(u, i) for u in range(len(ACTION_UNITS))]),
            raw_action_units=None if score is None else _raw_probabilities(i),
            angles=None if score is None else _angles(i),
        )
        for i, score in enumerate(scores)
    ]


def scored_report() -> Report:
    scored = [(s, w) for s, w in zip(_scores(), _weights(), strict=True) if s is not None]
    shares = sum(np.array(_shares(s)) * w for s, w in scored)
    return Report(
        depmap_version="0.1.0",
        source=SourceVideo(
            name="clinic/visit_03.mp4", width=1280, height=720, fps=25.0, duration=20.4
        ),
        status=Status.scored,
        estimate=Estimate(
            score=17.43,
            band="mild",
            interval=Interval(
                level=0.9, low=8.1, high=27.9, bands=["minimal", "mild", "moderate"], n_people=50
            ),
            training_mean=15.2,
        ),
        out_of_distribution=OutOfDistribution(
            distance=1.9, share_nearer=0.97, n_reference=100, is_out_of_distribution=True
        ),
        levels=[
            LevelEvidence(name=band.name, low=band.low, high=band.high, share=float(share))
            for band, share in zip(BANDS, np.asarray(shares), strict=True)
        ],
        quality=_quality(),
        keyframes=_keyframes(),
        action_units=_unit_summaries(),
        behaviour=_behaviour(),
        steadiness=Steadiness(
            sampling_error=0.42, n_samples=5, largest_second=0.31, without_decisive=15.9
        ),
        timeline=timeline_of(frame_rows()),
        weights=WeightsInfo(
            file="depmap-simulated-r18.pt",
            sha256="9f2c" * 16,
            backbone="resnet18",
            semantics="ViT-B-32 3b1e5c07",
            au_source="semantics",
            key_frames=True,
            training_data="300 rendered videos of 60 simulated people.",
            simulated=True,
            development={"mae": 5.91, "rmse": 7.62, "ccc": 0.58},
        ),
        settings={"frames": 24, "fps": None, "subject": "largest", "device": "cpu"},
    )
