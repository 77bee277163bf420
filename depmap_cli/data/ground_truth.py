"""Ground truth of simulated videos: what the person does in every frame.

Stored beside the corpus in ``ground_truth/{split}/{video}.npz`` (named arrays, never a pickle):

=============  ==================  ==========================================================
au             (18, n) float16     intensities of the action units, 0 to 1.1
au_names       (18,) text          their codes
pose           (3, n) float16      degrees: yaw, pitch, roll, relative to the camera
gaze           (2, n) float16      sideways and up, about -1 to 1; 1 is 30 degrees
cue            (n,) bool           the frame is in an episode whose rate depends on severity
landmarks      (k, 68, 2) float32  in pixels of rendered frames, in the order of Multi-PIE; in
                                   corpora of older versions (k, 5, 2): eyes, nose tip and
                                   mouth corners
frames         (k,) int32          indices of the rendered frames
fps            number              frames/s of all of them
gaze_degrees   number              rotation of the eyes at a gaze of 1; absent in corpora of
                                   older versions, whose lids follow a downward gaze, but whose
                                   eyes do not turn
=============  ==================  ==========================================================

and facts about the person and the video, numbers and words by name: among them tone (of the skin,
0 is the lightest), female, age and glasses, which are the same in all videos of a person.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int

from depmap_cli.data.labelled_video import LabelledVideo, display_path
from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.domain.head_and_gaze import ANGLES, GAZE, HEAD, about_z, head_angles, head_rotation
from depmap_cli.domain.landmarks import N_LANDMARKS, five_points
from depmap_cli.errors import DataInvalid
from depmap_cli.io.clean_text import clean

FOLDER = "ground_truth"
GAZE_DEGREES = 30.0
"""Rotation of the eyeballs at a gaze of 1. The lids of the face model follow a downward gaze of 1
by 0.63 cm: the path of the pupil of an eyeball of 1.25 cm over 30 degrees."""
_CODES = [unit.code for unit in ACTION_UNITS]


@dataclass(frozen=True, kw_only=True)
class TrueTraces:
    """What the person in one video does over time."""

    au: Float32[np.ndarray, "n 18"]  # in the order of ACTION_UNITS
    angles: Float32[np.ndarray, "n 5"]  # degrees, in the order of ANGLES; NaN if unknown
    frames: Int[np.ndarray, " k"]  # the rendered frames
    landmarks: Float32[np.ndarray, "k 68 2"]  # in them, pixels; NaN in corpora of older versions
    five_landmarks: Float32[np.ndarray, "k 5 2"]  # those that alignment uses
    fps: float

    def at(self, times: np.ndarray) -> Float32[np.ndarray, "k 18"]:
        """Intensities in the frames nearest to ``times`` (seconds from the start)."""
        nearest: np.ndarray = self.au[self._nearest(times)]
        return nearest

    def angles_at(self, times: np.ndarray) -> Float32[np.ndarray, "k 5"]:
        """Angles, relative to the camera, in the frames nearest to ``times``."""
        nearest: np.ndarray = self.angles[self._nearest(times)]
        return nearest

    def landmarks_at(self, times: np.ndarray) -> Float32[np.ndarray, "k 68 2"]:
        """Landmarks in the rendered frames nearest to ``times``."""
        nearest: np.ndarray = self.landmarks[self._nearest_rendered(times)]
        return nearest

    def five_landmarks_at(self, times: np.ndarray) -> Float32[np.ndarray, "k 5 2"]:
        """Eyes, nose tip and mouth corners in the rendered frames nearest to ``times``."""
        nearest: np.ndarray = self.five_landmarks[self._nearest_rendered(times)]
        return nearest

    def _nearest_rendered(self, times: np.ndarray) -> Int[np.ndarray, " k"]:
        frames = self._nearest(times)
        rows: np.ndarray = np.abs(self.frames[None] - frames[:, None]).argmin(axis=1)
        return rows

    def _nearest(self, times: np.ndarray) -> Int[np.ndarray, " k"]:
        frames: np.ndarray = np.clip(np.round(times * self.fps).astype(int), 0, len(self.au) - 1)
        return frames


def ground_truth_path(data: Path, split: str, name: str) -> Path:
    """Path of the ground truth of a video; ``name`` is its file name without the suffix."""
    return data / FOLDER / split / f"{name}.npz"


def read_traces(data: Path, video: LabelledVideo) -> TrueTraces:
    """Read what the person does in one video in the corpus folder ``data``.

    Raises:
        DataInvalid: the ground truth is missing, or has other action units.
    """
    path = ground_truth_path(data, video.split, video.path.stem)
    if not path.is_file():
        raise DataInvalid(
            f"{video.name}: no ground truth",
            f"give a corpus with {FOLDER}/, as `depmap simulate` writes it",
        )
    with np.load(path, allow_pickle=False) as file:
        truth = {name: file[name] for name in file.files}
    names = [str(name) for name in truth["au_names"]]
    if sorted(names) != sorted(_CODES):
        raise DataInvalid(
            f"{display_path(path, data)}: its action units are not the {len(ACTION_UNITS)} known",
            "simulate the corpus with this version of depmap",
        )
    landmarks = truth["landmarks"].astype(np.float32)
    if landmarks.shape[1] == N_LANDMARKS:
        five_landmarks = five_points(landmarks)
    else:
        five_landmarks = landmarks
        landmarks = np.full((len(landmarks), N_LANDMARKS, 2), np.nan, np.float32)
    return TrueTraces(
        au=truth["au"][[names.index(code) for code in _CODES]].T.astype(np.float32),
        angles=_angles(truth),
        frames=truth["frames"] if "frames" in truth else np.arange(len(landmarks)),
        landmarks=landmarks,
        five_landmarks=five_landmarks,
        fps=float(truth["fps"]),
    )


def read_appearance(folder: Path, videos: Iterable[LabelledVideo]) -> dict[str, dict[str, str]]:
    """Read what the people of a simulated corpus look like.

    The ground truth of a video is found by its file name in any split of ``folder``, because folds
    assign other splits.

    Args:
        folder: the folder ``ground_truth`` of the corpus.
        videos: of the corpus; those without ground truth are passed over.

    Returns:
        Attribute -> subject -> value. The attributes are ``skin tone`` (a number, 0 is the
        lightest), ``sex``, ``age`` (years) and ``glasses``, as far as they are recorded.

    Raises:
        DataInvalid: no video has ground truth with one of these attributes.
    """
    paths = {path.stem: path for path in folder.glob("*/*.npz")}
    attributes: dict[str, dict[str, str]] = {}
    for video in videos:
        if (path := paths.get(video.path.stem)) is None:
            continue
        with np.load(path, allow_pickle=False) as truth:
            for name, (attribute, word) in _APPEARANCE.items():
                if name in truth:
                    attributes.setdefault(attribute, {})[video.subject] = word(truth[name].item())
    if not attributes:
        raise DataInvalid(
            f"{clean(str(folder))}: no appearance of the people in the data",
            f"give the folder {FOLDER} of the simulated corpus, or a CSV file",
        )
    return attributes


_APPEARANCE: dict[str, tuple[str, Callable[[Any], str]]] = {
    "tone": ("skin tone", lambda tone: f"{tone:.2f}"),
    "female": ("sex", lambda female: "female" if female else "male"),
    "age": ("age", lambda age: f"{age:.0f}"),
    "glasses": ("glasses", lambda glasses: "yes" if glasses else "no"),
}
"""Fact in the ground truth -> attribute, and its value in words."""


def _angles(truth: Mapping[str, np.ndarray]) -> Float32[np.ndarray, "n 5"]:
    """Convert yaw (right), pitch (down) and roll (anticlockwise) of the renderer to ``ANGLES``."""
    yaw, pitch, roll = truth["pose"].astype(np.float64)
    zero = np.zeros_like(yaw)
    about_x = head_rotation(np.stack([pitch, zero, zero], axis=1))
    about_y = head_rotation(np.stack([zero, -yaw, zero], axis=1))
    rotation = about_z(-np.radians(roll)) @ about_y @ about_x
    angles = np.full((len(yaw), len(ANGLES)), np.nan)
    angles[:, HEAD] = head_angles(rotation)
    eyes_turn = "gaze_degrees" in truth
    degrees = float(truth["gaze_degrees"]) if eyes_turn else GAZE_DEGREES
    right, up = truth["gaze"].astype(np.float64) * degrees
    if not eyes_turn:  # the lids show a downward gaze, and nothing shows a sideways one
        right = np.full_like(right, np.nan)
    angles[:, GAZE] = np.stack([right, -up], axis=1)
    return angles.astype(np.float32)


def write_ground_truth(
    path: Path,
    traces: Mapping[str, np.ndarray],
    rendered: tuple[np.ndarray, np.ndarray],
    fps: float,
    facts: Mapping[str, Any],
) -> None:
    """Write the ground truth of one video.

    ``traces`` holds au (n, 18), pose (n, 3), gaze (n, 2) and cue (n,); ``rendered`` holds the
    rendered frames (k,) and their landmarks (k, 68, 2).
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
        "gaze_degrees": np.float64(GAZE_DEGREES),
    }
    arrays |= {name: np.asarray(value) for name, value in facts.items()}
    np.savez_compressed(path, **arrays)
