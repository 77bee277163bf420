"""Ground truth of simulated videos: what the person does in every frame.

Stored beside the corpus in ``ground_truth/{split}/{video}.npz`` (named arrays, never a pickle):

=============  ==================  ==========================================================
au             (18, n) float16     intensities of the action units, 0 to 1.1
au_names       (18,) text          their codes
pose           (3, n) float16      degrees: yaw, pitch, roll, relative to the camera
gaze           (2, n) float16      sideways and up, about -1 to 1; 1 is 30 degrees
cue            (n,) bool           the frame is in an episode whose rate depends on severity
landmarks      (k, 5, 2) float32   in pixels of rendered frames: eyes, nose tip, mouth corners
frames         (k,) int32          indices of the rendered frames
fps            number              frames/s of all of them
=============  ==================  ==========================================================

and facts about the person and the video: numbers and words by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from depmap_cli.data.labelled_video import LabelledVideo, display_path
from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.errors import DataInvalid

FOLDER = "ground_truth"
_CODES = [unit.code for unit in ACTION_UNITS]


@dataclass(frozen=True)
class UnitTraces:
    """The action units of one video over time."""

    au: Float32[np.ndarray, "n 18"]  # in the order of ACTION_UNITS
    fps: float

    def at(self, times: np.ndarray) -> Float32[np.ndarray, "k 18"]:
        """Intensities in the frames nearest to ``times`` (seconds from the start)."""
        frames = np.clip(np.round(times * self.fps).astype(int), 0, len(self.au) - 1)
        nearest: np.ndarray = self.au[frames]
        return nearest


def ground_truth_path(data: Path, split: str, name: str) -> Path:
    """Path of the ground truth of a video; ``name`` is its file name without the suffix."""
    return data / FOLDER / split / f"{name}.npz"


def read_units(data: Path, video: LabelledVideo) -> UnitTraces:
    """Read the action units of one video in the corpus folder ``data``.

    Raises:
        DataInvalid: the ground truth is missing, or has other action units.
    """
    path = ground_truth_path(data, video.split, video.path.stem)
    if not path.is_file():
        raise DataInvalid(
            f"{video.name}: no ground truth",
            f"give a corpus with {FOLDER}/, as `depmap simulate` writes it",
        )
    with np.load(path, allow_pickle=False) as truth:
        names, au, fps = [str(n) for n in truth["au_names"]], truth["au"], float(truth["fps"])
    if sorted(names) != sorted(_CODES):
        raise DataInvalid(
            f"{display_path(path, data)}: its action units are not the {len(ACTION_UNITS)} known",
            "simulate the corpus with this version of depmap",
        )
    return UnitTraces(au[[names.index(code) for code in _CODES]].T.astype(np.float32), fps)


def write_ground_truth(
    path: Path,
    traces: Mapping[str, np.ndarray],
    rendered: tuple[np.ndarray, np.ndarray],
    fps: float,
    facts: Mapping[str, Any],
) -> None:
    """Write the ground truth of one video.

    ``traces`` holds au (n, 18), pose (n, 3), gaze (n, 2) and cue (n,); ``rendered`` holds the
    rendered frames (k,) and their landmarks (k, 5, 2).
    """
    frames, landmarks = rendered
    arrays: dict[str, Any] = {
        "au": traces["au"].T.astype(np.float16),
        "au_names": np.array(_CODES),
        "pose": traces["pose"].T.astype(np.float16),
        "gaze": traces["gaze"].T.astype(np.float16),
        "cue": traces["cue"],
        "frames": frames.astype(np.int32),
        "landmarks": landmarks.astype(np.float32),
        "fps": np.float64(fps),
    }
    arrays |= {name: np.asarray(value) for name, value in facts.items()}
    np.savez_compressed(path, **arrays)
