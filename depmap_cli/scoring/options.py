"""The options of scoring that a user can set. Imports no torch."""

from dataclasses import dataclass
from pathlib import Path

from depmap_cli.config import (
    DEFAULT_RATE,
    MIN_FRAMES,
    STEADY_FRAMES,
    QualityConfig,
    SamplingConfig,
    SubjectRule,
)
from depmap_cli.errors import UsageProblem
from depmap_cli.stats.conformal import DEFAULT_COVERAGE


@dataclass(frozen=True, kw_only=True)
class ScoreOptions:
    """How each video is sampled, checked and reported.

    Without ``frames``, ``fps`` and ``every_frame``, ``DEFAULT_RATE`` frames per second are sampled,
    or more if a video is so short that these would be fewer than ``STEADY_FRAMES``.

    Args:
        frames: number of frames, sampled evenly from the video.
        fps: frames per second; a video too short for ``MIN_FRAMES`` is sampled at a higher rate.
        every_frame: whether every frame is used.
        start: start of the part used, in seconds.
        end: end of the part used, in seconds; None for the end of the video.
        subject: which face is scored if there are several.
        keyframes: number of key frames in the report.
        coverage: nominal coverage of the prediction interval, 0 to 1.
        au_csv: table of OpenFace or depmap with action units and, if it has them, head and gaze;
            or a folder of such tables; None to take all from the semantic model.
        quality: limits of the quality gate, for ``quality_limits``.

    Raises:
        UsageProblem: more than one of ``frames``, ``fps`` and ``every_frame`` is given.
    """

    frames: int | None = None
    fps: float | None = None
    every_frame: bool = False
    start: float = 0.0
    end: float | None = None
    subject: SubjectRule = SubjectRule.largest
    keyframes: int = 6
    coverage: float = DEFAULT_COVERAGE
    au_csv: Path | None = None
    quality: QualityConfig = QualityConfig()

    def __post_init__(self) -> None:
        given = (self.frames is not None, self.fps is not None, self.every_frame)
        if sum(given) > 1:
            raise UsageProblem(
                "--frames, --fps and --every-frame exclude each other", "give one of them"
            )

    @property
    def quality_limits(self) -> QualityConfig:
        """Limits of the quality gate. Other faces refuse no video whose subject the user chose."""
        if self.subject is SubjectRule.largest:
            return self.quality
        warn, _ = self.quality.several_faces
        return self.quality.model_copy(update={"several_faces": (warn, None)})

    def sampling(self, default: SamplingConfig) -> SamplingConfig:
        """Return the sampling asked for; ``default`` gives the number of frames if none is used."""
        is_dense = self.frames is None and not self.every_frame
        return SamplingConfig(
            frames=self.frames or default.frames,
            fps=self.fps or (DEFAULT_RATE if is_dense else None),
            min_frames=STEADY_FRAMES if is_dense and self.fps is None else MIN_FRAMES,
            every_frame=self.every_frame,
            start=self.start,
            end=self.end,
        )

    def au_table_of(self, video: Path) -> Path | None:
        """Return ``au_csv`` or, if it is a folder, the table in it that is named like the video."""
        if self.au_csv is None or not self.au_csv.is_dir():
            return self.au_csv
        return self.au_csv / f"{video.stem}.csv"
