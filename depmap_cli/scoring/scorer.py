"""The public scoring API, and the pipeline of one video: decoding, faces, networks, report."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from depmap_cli.config import SubjectRule
from depmap_cli.errors import DepmapError, UnexpectedError
from depmap_cli.faces import FaceDetector, FaceSample
from depmap_cli.faces.quality import assess_quality, decoded_share
from depmap_cli.faces.subject import read_subject
from depmap_cli.results import ScoreResult, Verdict
from depmap_cli.runtime.devices import explain_out_of_memory, resolve_device
from depmap_cli.runtime.memory import trim_heap
from depmap_cli.runtime.prefetch import Prefetcher
from depmap_cli.runtime.progress import FractionCallback
from depmap_cli.scoring.decoding import Decoding
from depmap_cli.scoring.estimator import VideoEstimator
from depmap_cli.scoring.options import ScoreOptions
from depmap_cli.scoring.report_builder import build_failure, build_report
from depmap_cli.scoring.timing import ScoringStage, StageClock
from depmap_cli.semantics.openface import read_au_table
from depmap_cli.video.reader import Frame, VideoProperties
from depmap_cli.weights.loading import Networks, load_networks

_SEGMENTS_AHEAD = 1
"""Most segments of faces that wait for the networks."""


class Scorer:
    """Scores videos with one set of weights, which is loaded once."""

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
        """Load the networks.

        Args:
            weights: weights file or run folder; None for the bundled weights.
            device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
            semantic_model: name of the open_clip model; None for the one stored with the weights.
            semantic_weights: file or pretrained tag of the semantic model; None to find it by hash.
            allow_network: whether a pretrained tag may be downloaded.

        Raises:
            WeightsInvalid: the weights are missing, damaged, or do not fit each other.
            UsageProblem: the device or the semantic model is not available.
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
        progress: FractionCallback = lambda fraction: None,
        decoding: Decoding | None = None,
    ) -> ScoreResult:
        """Score one video. No error of the video is raised: the report holds status and reason.

        Args:
            path: the video.
            options: sampling, quality limits and the content of the report.
            name: name of the video in the report; None for its file name.
            progress: called with the fraction of the video that is done, 0 to 1.
            decoding: a decoding of the same frames that has already started; None to start one.

        Returns:
            The report, the sampled frames and the pictures of the key frames. After an unexpected
            error, ``traceback`` holds its text.
        """
        options, name = options or ScoreOptions(), name or path.name
        try:
            with (
                explain_out_of_memory("this video", "close other programs, or give --device cpu"),
                closing(self._decoding(path, options, decoding)) as frames,
            ):
                return _VideoRun(
                    networks=self.networks,
                    detector=self._detector(options.subject),
                    decoding=frames,
                    options=options,
                    name=name,
                    progress=progress,
                ).score()
        except DepmapError as error:
            return build_failure(self.networks, options, path, name, error)
        except Exception as error:  # an unexpected error in one video must not stop a batch
            unexpected = UnexpectedError.of(error, "while scoring")
            failure = build_failure(self.networks, options, path, name, unexpected)
            return replace(failure, traceback=unexpected.traceback)

    def _decoding(self, path: Path, options: ScoreOptions, started: Decoding | None) -> Decoding:
        """Return the decoding that has started if it yields the frames asked for, or a new one."""
        sampling = options.sampling(self.networks.sampling)
        if started is not None and (started.path, started.sampling) == (path, sampling):
            return started
        return Decoding(path, sampling)

    def _detector(self, subject: SubjectRule) -> FaceDetector:
        if subject not in self._detectors:
            config = self.networks.config.faces.model_copy(update={"subject": subject})
            device = "cuda" if self.networks.device.type == "cuda" else "cpu"
            self._detectors[subject] = FaceDetector(config, device)
        return self._detectors[subject]


class _VideoRun:
    """One video on its way through the pipeline."""

    def __init__(
        self,
        *,
        networks: Networks,
        detector: FaceDetector,
        decoding: Decoding,
        options: ScoreOptions,
        name: str,
        progress: FractionCallback,
    ) -> None:
        self.networks, self.detector, self.decoding = networks, detector, decoding
        self.options, self.name, self.progress = options, name, progress
        self.clock, self.faces_clock = StageClock(), StageClock()

    def score(self) -> ScoreResult:
        """Run all stages: decode, find the face, encode it, check the quality, build the report."""
        properties = self.decoding.properties()
        encoder = self._encoder()
        with closing(Prefetcher(self._face_segments(properties), _SEGMENTS_AHEAD)) as segments:
            for segment in segments:
                encoder.add(segment)
                trim_heap()
        self.clock.seconds[ScoringStage.decode] = self.decoding.seconds
        self.clock.seconds[ScoringStage.faces] = self.faces_clock.seconds[ScoringStage.faces]
        samples = encoder.samples
        quality = assess_quality(
            samples,
            _covered_seconds(samples, properties, self.options),
            self.options.quality_limits,
            decoded_share(samples, self.decoding.sampling, properties),
        )
        refused = quality.verdict == Verdict.refuse
        with self.clock.timed(ScoringStage.report):
            result = build_report(
                self.networks,
                self.options,
                name=self.name,
                properties=properties,
                samples=samples,
                quality=quality,
                estimate=None if refused else encoder.finish(),
                au_table=encoder.au_table,
            )
        return replace(result, seconds=self.clock.seconds)

    def _encoder(self) -> VideoEstimator:
        table = self.options.au_table_of(self.decoding.path)
        return VideoEstimator(
            networks=self.networks,
            n_key_frames=self.options.keyframes,
            au_table=read_au_table(table) if table else None,
            clock=self.clock,
        )

    def _face_segments(self, properties: VideoProperties) -> Iterator[list[FaceSample]]:
        """Yield the subject's aligned faces; waiting for frames counts for no stage.

        It runs in a thread of its own, beside the networks.
        """
        clock = self.faces_clock
        frames = self._with_progress(clock.timed_items(None, self.decoding), properties)
        segments = read_subject(frames, self.detector)
        return clock.timed_items(ScoringStage.faces, segments)

    def _with_progress(
        self, frames: Iterable[Frame], properties: VideoProperties
    ) -> Iterator[Frame]:
        start, stop = self.options.start, self.options.end or properties.duration
        for frame in frames:
            if stop:
                self.progress(min(1.0, (frame.time - start) / max(stop - start, 1e-6)))
            yield frame


def score_video(
    path: str | Path,
    weights: str | Path | None = None,
    device: str = "auto",
    options: ScoreOptions | None = None,
) -> ScoreResult:
    """Score one video. To score several, make one ``Scorer`` and call its ``score``.

    Args:
        path: the video.
        weights: weights file or run folder; None for the bundled weights.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        options: sampling, quality limits and the content of the report.

    Returns:
        As ``Scorer.score``. No error of the video is raised: see ``result.report.status`` and
        ``result.report.reason``.

    Raises:
        WeightsInvalid: the weights cannot be used.
        UsageProblem: the device is not available.
    """
    return Scorer.load(Path(weights) if weights else None, device).score(Path(path), options)


def _covered_seconds(
    samples: list[FaceSample], properties: VideoProperties, options: ScoreOptions
) -> float:
    """Return the seconds of video that the sampled frames cover, whatever the header claims."""
    if not samples:
        return 0.0
    times = [sample.time for sample in samples]
    one_frame = 1 / properties.fps if properties.fps > 0 else 0.0
    step = float(np.median(np.diff(times))) if len(times) > 1 else one_frame
    stop = options.end if options.end is not None else properties.duration
    covered = times[-1] - times[0] + step
    return covered if stop is None else min(covered, max(stop - options.start, 0.0))
