"""Compare `aus.csv` of `depmap score` with MediaPipe Face Mesh, frame by frame, on real faces.

    python3 -m venv mesh && mesh/bin/pip install 'mediapipe<0.10.22'
    depmap score CLIPS... --fps 30 -o results
    python benchmarks/face_mesh_agreement.py results CLIPS... --mesh-python mesh/bin/python

Face Mesh (478 landmarks, trained on real faces, Apache-2.0) needs an environment of its own. Its
landmarks give geometry: how far lips and lids are apart, how high the brows are, where the head and
the irises point. Within a clip, each column of `aus.csv` should rise and fall with its geometry.
The script prints Pearson's r of each clip, and the median and the smallest r over the clips that
move: those whose geometry has at least the median standard deviation. A clip in which nothing moves
says nothing. Face Mesh is no ground truth: it errs, too, in turned and covered faces.

Clips need names of their own, because the results folder has one folder for each name. What Face
Mesh reads is kept in the folder --cache, so that other weights can be compared quickly.
"""

import argparse
import csv
import json
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from depmap_cli.config import SamplingConfig
from depmap_cli.io.file_identity import sha256_of
from depmap_cli.stats.metrics import pearson
from depmap_cli.video.reader import sample_frames

READER = Path(__file__).with_name("face_mesh_reader.py")
N_LANDMARKS = 478
MIN_FRAMES = 30
"""Fewer frames that both have read are not compared."""
EYE_CORNERS = {"left": (33, 133), "right": (362, 263)}
"""Of the eyes as they are in the picture, from left to right."""
IRIS = {"left": 468, "right": 473}
LIDS = {"left": ((159, 145), (158, 153)), "right": ((386, 374), (385, 380))}
INNER_BROWS, OUTER_BROWS = (107, 336, 66, 296), (105, 334, 63, 293)
FOREHEAD, CHIN, UPPER_LIP, LOWER_LIP, MOUTH_CORNERS = 10, 152, 13, 14, (61, 291)

Geometry = dict[str, np.ndarray]


@dataclass(frozen=True)
class Pair:
    """Columns of ``aus.csv``, which are added, and the geometry that they should follow."""

    name: str
    columns: tuple[str, ...]
    geometry: Callable[[Geometry], np.ndarray]
    moves: str  # the geometry whose standard deviation says how much a clip moves


PAIRS = (
    Pair("AU12 smile", ("AU12_r",), lambda g: _scaled(g["mouth_width"]) + _scaled(g["corners"]),
         "corners"),
    Pair("AU25 lips apart", ("AU25_r",), lambda g: g["lips"], "lips"),
    Pair("AU26 jaw dropped", ("AU26_r",), lambda g: g["lips"], "lips"),
    Pair("AU1+AU2 brows up", ("AU01_r", "AU02_r"), lambda g: g["inner_brows"] + g["outer_brows"],
         "inner_brows"),
    Pair("AU43 eyes closed", ("AU43_r",), lambda g: -g["lids"], "lids"),
    Pair("pitch", ("pose_Rx",), lambda g: g["pitch"], "pitch"),
    Pair("yaw", ("pose_Ry",), lambda g: g["yaw"], "yaw"),
    Pair("roll", ("pose_Rz",), lambda g: g["roll"], "roll"),
    Pair("gaze left-right", ("gaze_angle_x",), lambda g: g["gaze_x"], "gaze_x"),
    Pair("gaze up-down", ("gaze_angle_y",), lambda g: g["gaze_y"], "gaze_y"),
)  # fmt: skip


@dataclass(frozen=True)
class Agreement:
    """One pair in one clip."""

    clip: str
    r: float  # Pearson's; 0 if the columns do not vary
    movement: float  # standard deviation of the geometry


def geometry_of(points: np.ndarray) -> Geometry:
    """Measure faces from landmarks.

    Args:
        points: (n, 478, 3), x to the right, y down, z away from the camera, in one unit.

    Returns:
        Values (n,) by name. Angles of the head are in degrees, with the signs of
        ``domain/head_and_gaze.py`` and a constant offset; the gaze is the shift of the irises in
        widths of an eye. Lengths are relative to the distance of the outer corners of the eyes,
        and do not change if the face turns or moves.
    """
    outer_left, outer_right = points[:, EYE_CORNERS["left"][0]], points[:, EYE_CORNERS["right"][1]]
    right = _unit(outer_right - outer_left)
    down = points[:, CHIN] - points[:, FOREHEAD]
    down = _unit(down - _dot(down, right)[:, None] * right)
    axes = np.stack([right, down, np.cross(right, down)], axis=2)  # the columns of R
    scale = np.linalg.norm(outer_right - outer_left, axis=1)
    eyes = points[:, [*EYE_CORNERS["left"], *EYE_CORNERS["right"]]].mean(1)
    own = (points - eyes[:, None]) @ axes / scale[:, None, None]  # in the axes of the head
    gaze = np.mean([_iris_shift(own, side) for side in IRIS], axis=0)
    return {
        "pitch": np.degrees(np.arctan2(-axes[:, 1, 2], axes[:, 2, 2])),
        "yaw": np.degrees(np.arcsin(np.clip(axes[:, 0, 2], -1, 1))),
        "roll": np.degrees(np.arctan2(-axes[:, 0, 1], axes[:, 0, 0])),
        "gaze_x": gaze[:, 0],
        "gaze_y": gaze[:, 1],
        "lids": np.mean([_opening(own, side) for side in LIDS], axis=0),
        "inner_brows": -own[:, INNER_BROWS, 1].mean(1),
        "outer_brows": -own[:, OUTER_BROWS, 1].mean(1),
        "lips": _distance(own, UPPER_LIP, LOWER_LIP),
        "mouth_width": _distance(own, *MOUTH_CORNERS),
        "corners": (own[:, (UPPER_LIP, LOWER_LIP), 1].sum(1) - own[:, MOUTH_CORNERS, 1].sum(1)) / 2,
    }


def _iris_shift(own: np.ndarray, side: str) -> np.ndarray:
    """Shift of an iris from the middle of its eye, (n, 2) right and down, in widths of the eye."""
    left, right = (own[:, corner] for corner in EYE_CORNERS[side])
    middle, width = (left + right) / 2, right[:, 0] - left[:, 0]
    shift: np.ndarray = (own[:, IRIS[side]] - middle)[:, :2] / width[:, None]
    return shift


def _opening(own: np.ndarray, side: str) -> np.ndarray:
    """Distance of the lids of an eye, (n,), in widths of the eye."""
    gaps = np.mean([_distance(own, *lids) for lids in LIDS[side]], axis=0)
    opening: np.ndarray = gaps / _distance(own, *EYE_CORNERS[side])
    return opening


def _distance(points: np.ndarray, a: int, b: int) -> np.ndarray:
    distance: np.ndarray = np.linalg.norm(points[:, a] - points[:, b], axis=1)
    return distance


def _unit(vectors: np.ndarray) -> np.ndarray:
    unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    product: np.ndarray = (a * b).sum(1)
    return product


def _scaled(values: np.ndarray) -> np.ndarray:
    scaled: np.ndarray = values / max(float(values.std()), 1e-9)
    return scaled


def agreement(
    clip: str, table: Path, times: np.ndarray, points: np.ndarray
) -> dict[str, Agreement]:
    """Compare one table with the landmarks of the same clip, by name of the pair.

    Args:
        clip: name of the clip.
        table: ``aus.csv``.
        times: (n,) seconds of the frames that Face Mesh has read.
        points: (n, 478, 3) landmarks; NaN in frames without a face.
    """
    rows = _rows(table)
    seen = np.isfinite(points).all((1, 2))
    times, points = times[seen], points[seen]
    if not rows or not len(times):
        return {}
    stamps = np.array([float(row["timestamp"]) for row in rows])
    nearest = np.abs(times[None] - stamps[:, None]).argmin(1)
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    near = np.abs(times[nearest] - stamps) <= step / 2 + 1e-3
    if near.sum() < MIN_FRAMES:
        return {}
    found = {}
    geometry = geometry_of(points[nearest[near]])
    for pair in PAIRS:
        if not all(rows[0].get(column) for column in pair.columns):
            continue
        cells = [[float(row[column]) for column in pair.columns] for row in rows]
        values = np.array(cells).sum(1)[near]
        r = pearson(values, pair.geometry(geometry)) if values.std() > 0 else 0.0
        found[pair.name] = Agreement(clip, r, float(geometry[pair.moves].std()))
    return found


def _rows(table: Path) -> list[dict[str, str]]:
    """Return the rows of a table that hold a face."""
    with table.open(newline="") as file:
        rows = [{k.strip(): v.strip() for k, v in row.items()} for row in csv.DictReader(file)]
    return [row for row in rows if row["success"] == "1"]


def moving(found: Sequence[Agreement]) -> list[Agreement]:
    """Return the clips that move at least as much as the median clip."""
    median = float(np.median([one.movement for one in found]))
    return [one for one in found if one.movement >= median]


def print_table(found: dict[str, list[Agreement]]) -> None:
    """Print one line for each pair; clips that move have a star."""
    print(f"{'pair':18} {'median':>6} {'lowest':>6}  r of each clip, * of those that move")
    for pair in PAIRS:
        clips = found.get(pair.name, [])
        if not clips:
            print(f"{pair.name:18} not in the tables")
            continue
        chosen = moving(clips)
        r = [one.r for one in chosen]
        words = (f"{Path(one.clip).stem} {one.r:.2f}{'*' * (one in chosen)}" for one in clips)
        print(f"{pair.name:18} {np.median(r):6.2f} {min(r):6.2f}  {', '.join(words)}")


@contextmanager
def face_mesh(python: Path) -> Iterator["FaceMesh"]:
    """Start Face Mesh with the Python of its environment."""
    process = subprocess.Popen(
        [str(python), str(READER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield FaceMesh(process.stdin, process.stdout)
    finally:
        with suppress(BrokenPipeError):  # it has ended, and pixels wait to be sent
            process.stdin.close()
        process.stdout.close()
        process.wait()


class FaceMesh:
    """Sends frames to Face Mesh, in the order of the video, because it tracks the face."""

    def __init__(self, frames: IO[bytes], answers: IO[bytes]) -> None:
        self._frames, self._answers = frames, answers

    def read(self, image: np.ndarray) -> np.ndarray:
        """Return the landmarks of an RGB picture, (478, 3) pixels; NaN if there is no face."""
        try:
            self._frames.write(struct.pack("<II", *image.shape[:2]))
            self._frames.write(np.ascontiguousarray(image).tobytes())
            self._frames.flush()
            answer = self._answers.read(N_LANDMARKS * 3 * 4)
        except BrokenPipeError:
            answer = b""
        if len(answer) != N_LANDMARKS * 3 * 4:
            raise SystemExit("error: Face Mesh ended; check that --mesh-python has mediapipe")
        return np.frombuffer(answer, "<f4").reshape(N_LANDMARKS, 3)


def mesh_of(clip: Path, python: Path, fps: float, cache: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a clip with Face Mesh, or what was read before from the cache.

    Returns:
        Times (n,) in seconds and landmarks (n, 478, 3) of the frames sampled at ``fps``.
    """
    kept = cache / f"{sha256_of(clip)[:16]}-{fps:g}.npz"
    if not kept.exists():
        times, points = [], []
        with face_mesh(python) as mesh:
            for frame in sample_frames(clip, SamplingConfig(fps=fps)):
                times.append(frame.time)
                points.append(mesh.read(frame.image))
        cache.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(kept, times=np.array(times), points=np.array(points))
    with np.load(kept, allow_pickle=False) as stored:
        return stored["times"], stored["points"]


def main() -> None:
    """Print the table, or with --json the medians and smallest r by pair."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="results folder of depmap score")
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument(
        "--mesh-python", type=Path, required=True, help="Python of the environment of mediapipe"
    )
    parser.add_argument("--fps", type=float, default=30.0, help="frames per second, as scored")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "face-mesh")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found: dict[str, list[Agreement]] = {}
    for clip in args.clips:
        table = args.results / clip.name / "aus.csv"
        if not table.is_file():
            print(f"{clip.name}: left out, no {table}", file=sys.stderr)
            continue
        times, points = mesh_of(clip, args.mesh_python, args.fps, args.cache)
        clip_found = agreement(clip.name, table, times, points)
        if not clip_found:
            print(f"{clip.name}: left out, too few frames with a face", file=sys.stderr)
        for name, one in clip_found.items():
            found.setdefault(name, []).append(one)
    if not args.json:
        print_table(found)
        return
    r = {name: [one.r for one in moving(clips)] for name, clips in found.items()}
    summary = {n: {"median": round(float(np.median(v)), 3), "lowest": round(min(v), 3)}
               for n, v in r.items()}  # fmt: skip
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
