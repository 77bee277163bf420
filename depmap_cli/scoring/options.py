"""What a user can choose for each video. Imports no torch."""

from dataclasses import dataclass
from pathlib import Path

from depmap_cli.config import QualityConfig, SamplingConfig, SubjectRule
from depmap_cli.stats.conformal import DEFAULT_COVERAGE


@dataclass(frozen=True, kw_only=True)
class ScoreOptions:
    """What a user can choose for each video; ``frames`` None means as many as the weights say."""

    frames: int | None = None
    fps: float | None = None
    start: float = 0.0  # seconds
    end: float | None = None
    subject: SubjectRule = SubjectRule.largest
    keyframes: int = 6
    coverage: float = DEFAULT_COVERAGE
    au_csv: Path | None = None
    quality: QualityConfig = QualityConfig()

    def sampling(self, usual: SamplingConfig) -> SamplingConfig:
        """The frames that are asked for, as many as ``usual`` where nothing is said."""
        return SamplingConfig(
            frames=self.frames or usual.frames, fps=self.fps, start=self.start, end=self.end
        )

    def au_table_of(self, video: Path) -> Path | None:
        """``au_csv`` itself, or the table named like the video in the folder it names."""
        if self.au_csv is None or not self.au_csv.is_dir():
            return self.au_csv
        return self.au_csv / f"{video.stem}.csv"
