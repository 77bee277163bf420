"""The comparison with Face Mesh: planted faces give their angles, lengths and correlations back."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import face_mesh_agreement as fma
from benchmarks.face_mesh_agreement import agreement, geometry_of

ROOT = Path(__file__).parents[2]
N = 60


def neutral():
    """A flat face, (478, 3): eyes 2 wide and 4 apart, lips and lids open, irises in the middle."""
    points = np.zeros((fma.N_LANDMARKS, 3))
    points[[33, 133, 362, 263], :2] = [(-3, 0), (-1, 0), (1, 0), (3, 0)]
    points[[468, 473], :2] = [(-2, 0), (2, 0)]
    for (upper, lower), x in zip(
        (*fma.LIDS["left"], *fma.LIDS["right"]), (-2.2, -1.8, 1.8, 2.2), strict=True
    ):
        points[[upper, lower], :2] = [(x, -0.3), (x, 0.3)]
    points[[*fma.INNER_BROWS, *fma.OUTER_BROWS], 1] = -1.5
    points[[10, 152], 1] = -5, 7
    points[[13, 14], 1] = 3.5, 4.1
    points[[61, 291], :2] = [(-1.4, 3.8), (1.4, 3.8)]
    return points


def turned(points, pitch, yaw, roll):
    """Rotate by R = Rx(pitch) Ry(yaw) Rz(roll), one axis after the other, roll first."""
    turned = points.copy()
    for (a, b), degrees in (((0, 1), roll), ((2, 0), yaw), ((1, 2), pitch)):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        turned[:, a], turned[:, b] = (
            c * turned[:, a] - s * turned[:, b],
            s * turned[:, a] + c * turned[:, b],
        )
    return turned


@pytest.mark.parametrize(
    "angles", [(0, 0, 0), (20, 0, 0), (0, 30, 0), (0, 0, -25), (-15, 20, 10), (12, -35, -8)]
)
def test_planted_angles_come_back_with_their_signs(angles):
    found = geometry_of(turned(neutral(), *angles)[None])
    assert [found[name][0] for name in ("pitch", "yaw", "roll")] == pytest.approx(angles, abs=1e-6)


def test_lengths_do_not_depend_on_pose_size_and_place():
    own = geometry_of(neutral()[None])
    other = geometry_of(40 * turned(neutral(), 15, -30, 20)[None] + (300, 200, -20))
    for name in own.keys() - {"pitch", "yaw", "roll"}:
        assert other[name] == pytest.approx(own[name], abs=1e-9), name
    assert own["lips"] == pytest.approx(0.6 / 6)
    assert own["lids"] == pytest.approx(0.6 / 2)
    assert own["mouth_width"] == pytest.approx(2.8 / 6)
    assert own["inner_brows"] == pytest.approx(1.5 / 6)
    assert own["corners"] == pytest.approx(0.0)


def test_irises_to_the_right_and_down_are_positive_gaze():
    points = neutral()
    points[[468, 473], :2] += (0.4, 0.2)
    found = geometry_of(points[None])
    assert (found["gaze_x"][0], found["gaze_y"][0]) == pytest.approx((0.2, 0.1))


def faces(lips):
    """Faces (n, 478, 3) whose lips are this far apart."""
    points = np.repeat(neutral()[None], len(lips), axis=0)
    points[:, 14, 1] = 3.5 + lips
    return points


def write_table(path, times, **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["frame", "timestamp", "success", *columns])
        for i, time in enumerate(times):
            writer.writerow([i + 1, round(time, 4), 1, *(values[i] for values in columns.values())])
    return path


def test_a_planted_correlation_comes_back(tmp_path):
    rng = np.random.default_rng(3)
    lips, noise = rng.normal(size=(2, N))
    times = np.arange(N) / 30
    table = write_table(tmp_path / "aus.csv", times, AU25_r=lips + 0.75 * noise, AU26_r=-lips)
    lips = lips - lips.min() + 0.1
    found = agreement("a", table, times, faces(lips))
    expected = np.corrcoef(lips, np.genfromtxt(table, delimiter=",", names=True)["AU25_r"])[0, 1]
    assert found["AU25 lips apart"].r == pytest.approx(expected)
    assert found["AU26 jaw dropped"].r == pytest.approx(-1)
    assert found["AU25 lips apart"].movement == pytest.approx(lips.std() / 6)
    assert "pitch" not in found  # not in the table


def test_frames_are_compared_with_those_of_the_same_time(tmp_path):
    """The table has every second frame, from the tenth on; some frames show no face."""
    rng = np.random.default_rng(4)
    lips = rng.uniform(0.1, 1, size=4 * N)
    times = np.arange(4 * N) / 30
    table = write_table(tmp_path / "aus.csv", times[10::2], AU25_r=lips[10::2])
    points = faces(lips)
    points[50:80] = np.nan
    assert agreement("a", table, times, points)["AU25 lips apart"].r == pytest.approx(1, abs=1e-3)
    points[40:] = np.nan
    assert agreement("a", table, times, points) == {}


def test_a_column_that_does_not_vary_agrees_with_nothing(tmp_path):
    times = np.arange(N) / 30
    table = write_table(tmp_path / "aus.csv", times, AU25_r=np.full(N, 0.3))
    lips = np.random.default_rng(5).uniform(0.1, 1, size=N)
    assert agreement("a", table, times, faces(lips))["AU25 lips apart"].r == 0


@pytest.mark.slow
def test_the_command_reads_clips_with_another_python(tmp_path, interview):
    """A stand-in for mediapipe opens the lips as wide as the picture is bright."""
    module = tmp_path / "site" / "mediapipe.py"
    module.parent.mkdir()
    np.save(tmp_path / "neutral.npy", neutral())
    module.write_text(
        "import numpy as np\n"
        "from types import SimpleNamespace as S\n"
        f"NEUTRAL = np.load({str(tmp_path / 'neutral.npy')!r})\n"
        "class FaceMesh:\n"
        "    def __init__(self, **options): assert options['refine_landmarks']\n"
        "    def __enter__(self): return self\n"
        "    def __exit__(self, *error): pass\n"
        "    def process(self, image):\n"
        "        h, w = image.shape[:2]\n"
        "        points = NEUTRAL / (w, h, w)\n"
        "        points[14, 1] = (3.5 + float(image.mean()) / 50) / h\n"
        "        face = S(landmark=[S(x=x, y=y, z=z) for x, y, z in points])\n"
        "        return S(multi_face_landmarks=[face])\n"
        "solutions = S(face_mesh=S(FaceMesh=FaceMesh))\n"
    )
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={module.parent} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    from depmap_cli.config import SamplingConfig
    from depmap_cli.video.reader import sample_frames

    frames = [(f.time, f.image.mean()) for f in sample_frames(interview, SamplingConfig(fps=2))]
    times, light = np.array(frames).T
    write_table(tmp_path / "results" / interview.name / "aus.csv", times, AU25_r=light)
    command = [
        *(sys.executable, "benchmarks/face_mesh_agreement.py", tmp_path / "results", interview),
        *("--mesh-python", python, "--fps", "2", "--cache", tmp_path / "cache", "--json"),
    ]
    for _ in range(2):  # the second time from the cache
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["AU25 lips apart"] == {"median": 1.0, "lowest": 1.0}
        python.write_text("#!/bin/sh\nexit 1\n")
    done = subprocess.run(
        [*command[:-2], tmp_path / "empty", "--json"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.strip() == "error: Face Mesh ended; check that --mesh-python has mediapipe"
