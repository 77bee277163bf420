"""The whole corridor on one screen: video, faces, model, report."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from depmap_cli import __version__
from depmap_cli.action_units import ACTION_UNITS
from depmap_cli.config import FaceConfig, QualityConfig, SamplingConfig, SubjectRule
from depmap_cli.conformal import half_width
from depmap_cli.devices import resolve_device
from depmap_cli.errors import DepmapError
from depmap_cli.faces import FaceDetector, FaceSample, extract_faces
from depmap_cli.inference import SemanticView, VideoInference, view
from depmap_cli.model.backbone import normalise_pixels
from depmap_cli.model.depmap import FrameFeatures, VideoScores
from depmap_cli.model.heatmap import prototype_heatmap
from depmap_cli.openface import AuTable, read_au_table
from depmap_cli.quality import judge
from depmap_cli.results import (
    ActionUnitSummary,
    Estimate,
    FrameRow,
    Interval,
    KeyFrame,
    KeyPicture,
    LevelEvidence,
    Report,
    ScoreResult,
    Source,
    Status,
    Timeline,
    Verdict,
    WeightsInfo,
)
from depmap_cli.severity import BANDS, MAX_SCORE, bands_between, level_of
from depmap_cli.video import VideoInfo, probe, sample_frames
from depmap_cli.weights import Networks, load_networks

SEEN = 0.5
"""Evidence from which an action unit counts as present."""
_POOL = 8
"""Faces kept, for each key frame wanted, while the video passes."""

Progress = Callable[[float], None]
"""Told the share of the video that has been worked through, 0 to 1."""


@dataclass(frozen=True)
class ScoreOptions:
    """What a user can choose for each video; None means what the weights were trained with."""

    frames: int | None = None
    fps: float | None = None
    start: float = 0.0
    end: float | None = None
    subject: SubjectRule = SubjectRule.largest
    keyframes: int = 6
    coverage: float = 0.9
    au_csv: Path | None = None
    quality: QualityConfig = QualityConfig()


@dataclass
class _KeyCandidates:
    """The faces of the most decided frames so far, so that a long video need not be kept."""

    size: int
    rows: list[tuple[float, int, np.ndarray]] = field(default_factory=list)

    def add(self, decided: np.ndarray, first: int, faces: np.ndarray) -> None:
        self.rows += [(float(d), first + i, faces[i]) for i, d in enumerate(decided)]
        self.rows = sorted(self.rows, key=lambda row: (-row[0], row[1]))[: self.size]


@dataclass
class _Seen:
    """What has been learned of a video: its samples without pictures, and the model's vectors."""

    samples: list[FaceSample] = field(default_factory=list)
    image: list[torch.Tensor] = field(default_factory=list)
    evidence: list[torch.Tensor] = field(default_factory=list)


class Scorer:
    """Scores videos with one set of weights, loaded once."""

    def __init__(self, networks: Networks) -> None:
        self.networks = networks
        self._detectors: dict[SubjectRule, FaceDetector] = {}

    @classmethod
    def load(
        cls,
        weights: Path | None = None,
        device: str = "auto",
        clip: str | None = None,
        clip_weights: str | None = None,
        allow_network: bool = False,
    ) -> "Scorer":
        """Load weights, by default those shipped.

        Raises:
            WeightsInvalid, UsageProblem: as ``load_networks`` and ``resolve_device``.
        """
        return cls(
            load_networks(weights, resolve_device(device), clip, clip_weights, allow_network)
        )

    def score(
        self,
        path: Path,
        options: ScoreOptions | None = None,
        name: str | None = None,
        progress: Progress = lambda share: None,
    ) -> ScoreResult:
        """Score one video. A bad one gives a report that says so; nothing is raised for it.

        ``name`` is how the video is called in the report (default: its file name).
        """
        options = options or ScoreOptions()
        name = name or path.name
        try:
            return self._score(path, options, name, progress)
        except DepmapError as error:
            return ScoreResult(
                self._report(Source(name=name), Status.failed, options, {}).model_copy(
                    update={"reason": error.message, "hint": error.hint}
                )
            )

    def _score(
        self, path: Path, options: ScoreOptions, name: str, progress: Progress
    ) -> ScoreResult:
        seconds: dict[str, float] = {}
        info = probe(path)
        table = read_au_table(_table_path(options.au_csv, path)) if options.au_csv else None
        inference = VideoInference(
            self.networks.model, self.networks.semantics, self.networks.device
        )
        candidates = _KeyCandidates(_POOL * max(options.keyframes, 1))
        seen = _Seen()
        for segment in self._segments(path, options, info, progress, seconds):
            self._encode(segment, inference, candidates, seen, table, seconds)
        source = Source(
            name=name,
            width=info.width,
            height=info.height,
            fps=round(info.fps, 3),
            duration=info.duration,
        )
        quality = judge(seen.samples, _covered(seen.samples, info, options), options.quality)
        if quality.verdict == Verdict.refuse:
            why = [c.message for c in quality.checks if c.verdict == Verdict.refuse]
            report = self._report(source, Status.refused, options, seconds).model_copy(
                update={"quality": quality, "reason": "; ".join(why), "hint": _advice(seen.samples)}
            )
            return ScoreResult(report, _rows(seen.samples, None, None, None))
        scores, frames = inference.finish()
        evidence = torch.cat(seen.evidence).numpy()
        keys, pictures = self._key_frames(seen, scores, frames, evidence, candidates, options)
        report = self._report(source, Status.scored, options, seconds).model_copy(
            update={
                "estimate": self._estimate(float(scores.score), options.coverage),
                "levels": _levels(scores),
                "quality": quality,
                "keyframes": keys,
                "action_units": self._action_units(seen.samples, evidence),
                "timeline": _timeline(seen.samples, scores, frames),
            }
        )
        return ScoreResult(report, _rows(seen.samples, scores, frames, evidence), pictures)

    def _segments(
        self,
        path: Path,
        options: ScoreOptions,
        info: VideoInfo,
        progress: Progress,
        seconds: dict[str, float],
    ) -> Iterator[list[FaceSample]]:
        """Decode and find the subject, timed."""
        config = self.networks.config.faces.model_copy(update={"subject": options.subject})
        stop = options.end or info.duration or 0.0

        def told() -> Iterator:  # type: ignore[type-arg]
            for frame in sample_frames(path, self._sampling(options)):
                span = max(stop - options.start, 1e-6)
                progress(min(1.0, (frame.time - options.start) / span) if stop else 0.0)
                yield frame

        segments = extract_faces(told(), self._detector(config))
        while True:
            with _timed(seconds, "video and faces"):
                segment = next(segments, None)
            if segment is None:
                return
            yield segment

    def _detector(self, config: FaceConfig) -> FaceDetector:
        if config.subject not in self._detectors:
            device = "cuda" if self.networks.device.type == "cuda" else "cpu"
            self._detectors[config.subject] = FaceDetector(config, device)
        return self._detectors[config.subject]

    def _sampling(self, options: ScoreOptions) -> SamplingConfig:
        return SamplingConfig(
            frames=options.frames or self.networks.sampling.frames,
            fps=options.fps,
            start=options.start,
            end=options.end,
        )

    def _encode(
        self,
        segment: list[FaceSample],
        inference: VideoInference,
        candidates: _KeyCandidates,
        seen: _Seen,
        table: AuTable | None,
        seconds: dict[str, float],
    ) -> None:
        """Pass a segment's faces through the networks and let go of the pictures."""
        valid = [s for s in segment if s.face is not None]
        seen.samples += [replace(s, face=None) for s in segment]
        if not valid:
            return
        faces = np.stack([s.face for s in valid if s.face is not None])
        with _timed(seconds, "semantics"):
            semantic = view(self.networks.semantics, faces, self.networks.device)
            if table is not None:
                found = table.at(np.array([s.time for s in valid]))
                semantic = SemanticView(semantic.image, torch.from_numpy(found).float())
        with _timed(seconds, "network"):
            first = sum(len(e) for e in seen.evidence)
            candidates.add(inference.add(faces, semantic), first, faces)
        seen.image.append(semantic.image)
        seen.evidence.append(semantic.evidence)

    def _estimate(self, score: float, coverage: float) -> Estimate:
        calibration = self.networks.document["calibration"]
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
            ),
            training_mean=round(self.networks.document["training_mean"], 2),
        )

    def _key_frames(
        self,
        seen: _Seen,
        scores: VideoScores,
        frames: FrameFeatures,
        evidence: np.ndarray,
        candidates: _KeyCandidates,
        options: ScoreOptions,
    ) -> tuple[list[KeyFrame], list[KeyPicture]]:
        times = np.array([s.time for s in seen.samples if s.valid])
        weights = scores.weights[0].numpy()
        faces = {row: face for _, row, face in candidates.rows}
        chosen = _apart(sorted(faces, key=lambda i: (-weights[i], i)), times, options.keyframes)
        image = torch.cat(seen.image)
        keys, pictures = [], []
        for rank, row in enumerate(chosen):
            level = int(frames.logits[row].argmax()) if frames.logits is not None else None
            level = level_of(float(frames.scores[row])) if level is None else level
            order = np.argsort(-evidence[row], kind="stable")
            keys.append(
                KeyFrame(
                    rank=rank + 1,
                    time=round(float(times[row]), 3),
                    weight=round(float(weights[row]), 5),
                    score=round(float(np.clip(float(frames.scores[row]), 0, MAX_SCORE)), 2),
                    level=BANDS[level].name,
                    action_units=[ACTION_UNITS[i].code for i in order if evidence[row, i] >= SEEN],
                )
            )
            heat = self._heat(faces[row], image[row], torch.from_numpy(evidence[row]), level)
            pictures.append(KeyPicture(faces[row], heat))
        return keys, pictures

    def _heat(
        self, face: np.ndarray, image: torch.Tensor, evidence: torch.Tensor, level: int
    ) -> np.ndarray:
        device = self.networks.device
        pixels = normalise_pixels(torch.from_numpy(face)[None].to(device))
        text = self.networks.semantics.query(evidence[None].to(device))
        return (
            prototype_heatmap(self.networks.model, pixels, image[None].to(device), text, level)[0]
            .cpu()
            .numpy()
        )

    def _action_units(
        self, samples: list[FaceSample], evidence: np.ndarray
    ) -> list[ActionUnitSummary]:
        times = np.array([s.time for s in samples if s.valid])
        reliable = self.networks.semantics.reliable_units
        rows = np.cumsum([s.valid for s in samples]) - 1
        return [
            ActionUnitSummary(
                code=unit.code,
                name=unit.name,
                plain=unit.plain,
                mean=round(float(evidence[:, i].mean()), 4),
                peak=round(float(evidence[:, i].max()), 4),
                peak_time=round(float(times[evidence[:, i].argmax()]), 3),
                share_of_time=round(float((evidence[:, i] >= SEEN).mean()), 4),
                reliable=reliable.get(unit.code),
                trace=[
                    round(float(evidence[row, i]), 4) if s.valid else None
                    for s, row in zip(samples, rows, strict=True)
                ],
            )
            for i, unit in enumerate(ACTION_UNITS)
        ]

    def _report(
        self, source: Source, status: Status, options: ScoreOptions, seconds: dict[str, float]
    ) -> Report:
        document, semantics = self.networks.document, self.networks.semantics.id
        sampling = self._sampling(options)
        return Report(
            depmap_version=__version__,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            source=source,
            status=status,
            weights=WeightsInfo(
                file=self.networks.path.name,
                sha256=self.networks.sha256,
                backbone=self.networks.config.model.backbone,
                semantics=f"{semantics.model} {semantics.sha256[:12]}",
                au_source="OpenFace table" if options.au_csv else "semantics",
                training_data=document["training_data"],
                simulated=bool(document.get("simulated", False)),
                development=document["development"],
            ),
            settings={
                **sampling.model_dump(),
                "subject": options.subject.value,
                "keyframes": options.keyframes,
                "device": self.networks.device.type,
                "face_size": self.networks.config.faces.size,
            },
            seconds={stage: round(value, 3) for stage, value in seconds.items()},
        )


def score_video(
    path: str | Path,
    weights: str | Path | None = None,
    device: str = "auto",
    options: ScoreOptions | None = None,
) -> ScoreResult:
    """Score one video file; for several, make one ``Scorer`` and call its ``score``.

    Raises:
        WeightsInvalid, UsageProblem: the weights or the device cannot be used. A bad *video* raises
            nothing: ``result.report.status`` and ``reason`` tell.
    """
    return Scorer.load(Path(weights) if weights else None, device).score(Path(path), options)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    try:
        yield
    finally:
        seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - start


def _table_path(given: Path, video: Path) -> Path:
    """``--au-csv`` itself, or the table named like the video in the folder it names."""
    return given / f"{video.stem}.csv" if given.is_dir() else given


def _covered(samples: list[FaceSample], info: VideoInfo, options: ScoreOptions) -> float:
    """Seconds of video that the samples stand for: what was decoded, not what the header claims."""
    if not samples:
        return 0.0
    times = [s.time for s in samples]
    step = (
        float(np.median(np.diff(times)))
        if len(times) > 1
        else (1 / info.fps if info.fps > 0 else 0.0)
    )
    stop = options.end if options.end is not None else (info.duration or times[-1] + step)
    return min(times[-1] - times[0] + step, max(stop - options.start, 0.0))


def _advice(samples: list[FaceSample]) -> str:
    if not any(s.n_faces for s in samples):
        return "no face was found: is the person in view, upright and lit?"
    return "record one person, near the camera, facing it"


def _apart(ranked: list[int], times: np.ndarray, count: int) -> list[int]:
    """The first ``count`` of ``ranked`` that lie apart in time; closer ones only if too few do."""
    if not len(times):
        return []
    distance = float(times[-1] - times[0]) / max(4 * count, 1)
    chosen: list[int] = []
    for row in ranked:
        if len(chosen) < count and all(abs(times[row] - times[c]) >= distance for c in chosen):
            chosen.append(row)
    rest = [row for row in ranked if row not in chosen]
    return chosen + rest[: count - len(chosen)]


def _levels(scores: VideoScores) -> list[LevelEvidence]:
    if scores.levels is None:
        return []
    shares = scores.levels[0].tolist()
    return [
        LevelEvidence(name=b.name, low=b.low, high=b.high, share=round(s, 4))
        for b, s in zip(BANDS, shares, strict=True)
    ]


def _timeline(samples: list[FaceSample], scores: VideoScores, frames: FrameFeatures) -> Timeline:
    rows = _rows(samples, scores, frames, None)
    return Timeline(
        time=[round(r.time, 3) for r in rows],
        reason=[r.reason for r in rows],
        weight=[round(r.weight, 6) for r in rows],
        score=[None if r.score is None else round(r.score, 3) for r in rows],
        levels=[None if r.logits is None else _shares(r.logits) for r in rows],
    )


def _shares(logits: np.ndarray) -> list[float]:
    powers = np.exp(logits - logits.max())
    return [round(float(p), 4) for p in powers / powers.sum()]


def _rows(
    samples: list[FaceSample],
    scores: VideoScores | None,
    frames: FrameFeatures | None,
    evidence: np.ndarray | None,
) -> list[FrameRow]:
    """One row a sampled frame; the model's columns are empty where there is no face or no score."""
    rows, used = [], 0
    for sample in samples:
        scored = sample.valid and scores is not None and frames is not None
        rows.append(
            FrameRow(
                time=sample.time,
                valid=sample.valid,
                reason=sample.reason,
                origin=sample.origin,
                n_faces=sample.n_faces,
                probability=sample.probability,
                box=sample.box,
                landmarks=sample.landmarks,
                weight=float(scores.weights[0, used]) if scored and scores else 0.0,
                score=float(frames.scores[used]) if scored and frames else None,
                logits=frames.logits[used].numpy()
                if scored and frames and frames.logits is not None
                else None,
                action_units=evidence[used] if sample.valid and evidence is not None else None,
            )
        )
        used += sample.valid
    return rows
