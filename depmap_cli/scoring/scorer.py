"""The whole corridor: video, faces, model, report."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from depmap_cli import __version__
from depmap_cli.config import SamplingConfig, SubjectRule
from depmap_cli.errors import DepmapError
from depmap_cli.faces import FaceDetector, FaceSample, extract_faces
from depmap_cli.faces.quality import assess_quality, decoded_share
from depmap_cli.results import Quality, Report, ScoreResult, SourceVideo, Status, Verdict
from depmap_cli.runtime.devices import explain_out_of_memory, resolve_device
from depmap_cli.runtime.memory import trim_heap
from depmap_cli.runtime.progress import FractionCallback
from depmap_cli.scoring.decoding import Decoding
from depmap_cli.scoring.inference import VideoInference, pieces
from depmap_cli.scoring.key_frames import KeyFrameCandidates, UsableFrames, key_frames
from depmap_cli.scoring.options import ScoreOptions
from depmap_cli.scoring.report_builder import (
    action_units_of,
    calibration_caution,
    estimate_of,
    familiarity_of,
    levels_of,
    scored_rows,
    timeline_of,
    unscored_rows,
    weights_info,
)
from depmap_cli.scoring.timing import ScoringStage, StageClock
from depmap_cli.semantics.clip_model import OCCLUDED, SemanticFeatures
from depmap_cli.semantics.neutral_baseline import subtract_baseline
from depmap_cli.semantics.openface import AuTable, read_au_table
from depmap_cli.video.reader import Frame, VideoProperties, probe
from depmap_cli.weights.loading import Networks, load_networks

HIDDEN = "covered face"
"""Reason of a frame in which something lies over the face."""
UNTOLD = "no row in the AU table"
"""Reason of a frame of which the table given with ``--au-csv`` says nothing."""


@dataclass(kw_only=True)
class _VideoState:
    """What is kept of a video while it passes: samples without pictures, and small vectors."""

    inference: VideoInference
    candidates: KeyFrameCandidates
    au_table: AuTable | None
    samples: list[FaceSample] = field(default_factory=list)
    seen: list[SemanticFeatures] = field(default_factory=list)
    clock: StageClock = field(default_factory=StageClock)


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
        semantic_model: str | None = None,
        semantic_weights: str | None = None,
        allow_network: bool = False,
    ) -> "Scorer":
        """Load weights, by default those shipped.

        Raises:
            WeightsInvalid, UsageProblem: as ``load_networks`` and ``resolve_device``.
        """
        return cls(
            load_networks(
                weights, resolve_device(device), semantic_model, semantic_weights, allow_network
            )
        )

    def score(
        self,
        path: Path,
        options: ScoreOptions | None = None,
        name: str | None = None,
        progress: FractionCallback = lambda share: None,
        decoding: Decoding | None = None,
    ) -> ScoreResult:
        """Score one video. A bad one gives a report that says so; nothing is raised for it.

        ``name`` is how the video is called in the report (default: its file name); ``decoding`` a
        decoding of it, if one has begun already (``depmap_cli/scoring/decoding.py``).
        """
        options = options or ScoreOptions()
        source = SourceVideo(name=name or path.name)
        try:
            with explain_out_of_memory("this video", "close other programs, or give --device cpu"):
                return self._score(path, options, source, progress, decoding)
        except DepmapError as error:
            failed = {"status": Status.failed, "reason": error.message, "hint": error.hint}
        except Exception as error:  # one bad video must never stop the others
            reason = f"unexpected {type(error).__name__} while scoring"
            failed = {"status": Status.failed, "reason": reason, "hint": "please report this video"}
        return ScoreResult(report=self._report(source, options).model_copy(update=failed))

    def _score(
        self,
        path: Path,
        options: ScoreOptions,
        source: SourceVideo,
        progress: FractionCallback,
        decoding: Decoding | None,
    ) -> ScoreResult:
        info, table = probe(path), options.au_table_of(path)
        passage = _VideoState(
            inference=VideoInference(
                model=self.networks.model,
                semantics=self.networks.semantics,
                device=self.networks.device,
                usual=self.networks.config.train.frames,
                shares_backbone=self.networks.shares_backbone,
            ),
            candidates=KeyFrameCandidates(
                wanted=options.keyframes, evenly=not self.networks.config.model.map
            ),
            au_table=read_au_table(table) if table else None,
        )
        for segment in self._segments(path, options, info, progress, passage.clock, decoding):
            self._encode(segment, passage)
            trim_heap()
        source = source.model_copy(
            update={
                "width": info.width,
                "height": info.height,
                "fps": round(info.fps, 3),
                "duration": info.duration,
            }
        )
        quality = assess_quality(
            passage.samples,
            _covered(passage.samples, info, options),
            options.quality,
            decoded_share(passage.samples, self._sampling(options), info),
        )
        conclude = self._refusal if quality.verdict == Verdict.refuse else self._success
        with passage.clock.timed(ScoringStage.report):
            result = conclude(source, options, passage, quality)
        return replace(result, seconds=passage.clock.seconds)

    def _segments(
        self,
        path: Path,
        options: ScoreOptions,
        info: VideoProperties,
        progress: FractionCallback,
        clock: StageClock,
        decoding: Decoding | None,
    ) -> Iterator[list[FaceSample]]:
        """Find the subject while a thread decodes ahead, timed."""
        stop = options.end or info.duration

        def told(frames: Iterator[Frame]) -> Iterator[Frame]:
            for frame in clock.drawn(None, frames):
                if stop:
                    span = max(stop - options.start, 1e-6)
                    progress(min(1.0, (frame.time - options.start) / span))
                yield frame

        with closing(self._decoding(path, options, decoding)) as frames:
            found = extract_faces(told(frames), self._detector(options.subject))
            yield from clock.drawn(ScoringStage.faces, found)
            clock.seconds[ScoringStage.decode] = frames.seconds

    def _decoding(self, path: Path, options: ScoreOptions, decoding: Decoding | None) -> Decoding:
        """Of this video: the one that has begun, if it is of the same frames."""
        sampling = self._sampling(options)
        if decoding is not None and (decoding.path, decoding.sampling) == (
            path,
            sampling,
        ):
            return decoding
        return Decoding(path, sampling)

    def _detector(self, subject: SubjectRule) -> FaceDetector:
        if subject not in self._detectors:
            config = self.networks.config.faces.model_copy(update={"subject": subject})
            device = "cuda" if self.networks.device.type == "cuda" else "cpu"
            self._detectors[subject] = FaceDetector(config, device)
        return self._detectors[subject]

    def _sampling(self, options: ScoreOptions) -> SamplingConfig:
        return options.sampling(self.networks.sampling)

    def _encode(self, segment: list[FaceSample], passage: _VideoState) -> None:
        """Pass a segment's faces through the networks and let go of the pictures.

        A face that CLIP sees covered, or of which the AU table says nothing, makes its frame
        invalid, like one without a face.
        """
        found = [s for s in segment if s.face is not None]
        times = np.array([s.time for s in found])
        faces = np.array([s.face for s in found])
        reasons = [
            reason
            for piece in pieces(len(faces), self.networks.device)
            for reason in self._encode_piece(faces[piece], times[piece], passage)
        ]
        passage.samples += [replace(s, face=None) for s in apply_exclusions(segment, reasons)]

    def _encode_piece(
        self, faces: np.ndarray, times: np.ndarray, passage: _VideoState
    ) -> list[str]:
        """Keep what the networks make of some faces at these times; why not, face by face."""
        with passage.clock.timed(ScoringStage.semantics):
            seen, maps = passage.inference.look(faces)
        reasons = [HIDDEN if covered >= OCCLUDED else "" for covered in seen.covered.tolist()]
        if passage.au_table is not None:
            known = passage.au_table.knows(times)
            reasons = [r or ("" if k else UNTOLD) for r, k in zip(reasons, known, strict=True)]
        usable = np.array([not reason for reason in reasons])
        if not usable.any():
            return reasons
        chosen = torch.from_numpy(usable)
        faces, seen = faces[usable], seen[chosen]
        if passage.au_table is not None:
            table = torch.from_numpy(passage.au_table.at(times[usable])).float()
            seen = replace(seen, au_probabilities=table)
        with passage.clock.timed(ScoringStage.network):
            first = sum(len(piece.au_probabilities) for piece in passage.seen)
            if maps is None:
                frame_confidence = passage.inference.add(faces, seen)
            else:
                frame_confidence = passage.inference.add_maps(
                    [m[chosen.to(m.device)] for m in maps], seen
                )
            passage.candidates.add(frame_confidence, first, faces)
        passage.seen.append(seen)
        return reasons

    def _refusal(
        self, source: SourceVideo, options: ScoreOptions, passage: _VideoState, quality: Quality
    ) -> ScoreResult:
        reasons = [c.message for c in quality.checks if c.verdict == Verdict.refuse]
        report = self._report(source, options).model_copy(
            update={
                "status": Status.refused,
                "quality": quality,
                "reason": "; ".join(reasons),
                "hint": _advice(passage.samples),
            }
        )
        return ScoreResult(report=report, frames=unscored_rows(passage.samples))

    def _success(
        self, source: SourceVideo, options: ScoreOptions, passage: _VideoState, quality: Quality
    ) -> ScoreResult:
        with passage.clock.timed(ScoringStage.network):
            scores, features = passage.inference.finish()
        seen = SemanticFeatures.joined(passage.seen)
        au_probabilities = self._shown(seen.au_probabilities.numpy(), passage)
        times = np.array([s.time for s in passage.samples if s.valid])
        usable = UsableFrames(
            times=times, seen=seen, features=features, au_probabilities=au_probabilities
        )
        with passage.clock.timed(ScoringStage.network):
            keys, pictures = key_frames(self.networks, scores, usable, passage.candidates)
        rows = scored_rows(passage.samples, scores, features, au_probabilities)
        reliable = {} if passage.au_table else self.networks.semantics.reliable_units
        caution = calibration_caution(
            self.networks.sampling, self._sampling(options), passage.au_table is not None
        )
        report = self._report(source, options).model_copy(
            update={
                "estimate": estimate_of(
                    float(scores.score), self.networks.document, options.coverage, caution
                ),
                "familiarity": familiarity_of(self.networks.faces, seen.image.numpy()),
                "levels": levels_of(scores),
                "quality": quality,
                "keyframes": keys,
                "action_units": action_units_of(passage.samples, au_probabilities, reliable),
                "timeline": timeline_of(rows),
            }
        )
        return ScoreResult(report=report, frames=rows, pictures=pictures)

    def _shown(self, au_probabilities: np.ndarray, passage: _VideoState) -> np.ndarray:
        """Evidence as reports show it: from the face's rest, unless a table tells it."""
        usual = self.networks.semantics.typical_neutral
        if usual is None or passage.au_table is not None:
            return au_probabilities
        return subtract_baseline(au_probabilities, usual)

    def _report(self, source: SourceVideo, options: ScoreOptions) -> Report:
        """What every report says, whatever became of the video."""
        return Report(
            depmap_version=__version__,
            source=source,
            status=Status.scored,
            weights=weights_info(
                self.networks, "OpenFace table" if options.au_csv else "semantics"
            ),
            settings={
                **self._sampling(options).model_dump(),
                "subject": options.subject.value,
                "keyframes": options.keyframes,
                "device": self.networks.device.type,
                "face_size": self.networks.config.faces.size,
            },
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


def apply_exclusions(segment: list[FaceSample], reasons: list[str]) -> list[FaceSample]:
    """The samples, invalid where ``reasons`` (one a face that was found) has one."""
    reason = iter(reasons)
    return [
        replace(s, valid=False, reason=why) if s.valid and (why := next(reason)) else s
        for s in segment
    ]


def _covered(samples: list[FaceSample], info: VideoProperties, options: ScoreOptions) -> float:
    """Seconds that the samples stand for: what was decoded, not what the header claims."""
    if not samples:
        return 0.0
    times = [s.time for s in samples]
    one_frame = 1 / info.fps if info.fps > 0 else 0.0
    step = float(np.median(np.diff(times))) if len(times) > 1 else one_frame
    stop = options.end if options.end is not None else info.duration
    covered = times[-1] - times[0] + step
    return covered if stop is None else min(covered, max(stop - options.start, 0.0))


def _advice(samples: list[FaceSample]) -> str:
    if any(s.reason == UNTOLD for s in samples):
        return "is --au-csv the table of this video, and does it cover all of it?"
    if not any(s.n_faces for s in samples):
        return "no face was found: is the person in view, upright and lit?"
    return "record one person, near the camera, facing it"
