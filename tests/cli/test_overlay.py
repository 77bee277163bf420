"""`depmap score --overlay`, as users run it: the video it writes, what it hides, and resuming."""

import csv
import json
from itertools import pairwise

import av
import cv2
import numpy as np
import pytest

PART = ("--device", "cpu", "--start", "2", "--end", "5", "--fps", "4")
START = 2.0


def read_video(path):
    """Times in seconds and RGB pictures."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    times = [float(frame.pts * frame.time_base) for frame in frames]
    return times, [frame.to_ndarray(format="rgb24") for frame in frames]


def read_rows(folder):
    with (folder / "frames.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def frame_at(video, time):
    """The first picture of a video at or after ``time``."""
    with av.open(str(video)) as container:
        return next(
            frame.to_ndarray(format="rgb24")
            for frame in container.decode(video=0)
            if frame.time >= time - 1e-3
        )


def likeness(image, other):
    """Pearson's r of the fine structure of two RGB pictures of one size."""
    fine = []
    for picture in (image, other):
        grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY).astype(np.float32)
        fine.append((grey - cv2.GaussianBlur(grey, (0, 0), 4)).ravel())
    return float(np.corrcoef(fine[0], fine[1])[0, 1])


@pytest.fixture(scope="module")
def _written():
    return {}


@pytest.fixture
def written(run, _written, interview, tmp_path_factory):
    """Folder of the results in a picture style, made once."""

    def make(style):
        if style not in _written:
            out = tmp_path_factory.mktemp(style)
            options = () if style == "drawing" else ("--pictures", style)
            code, _, err = run("score", interview, "-o", out, "--overlay", *options, *PART)
            assert code == 0, err
            _written[style] = out / interview.name
        return _written[style]

    return make


def test_the_overlay_has_each_sampled_frame_at_its_time(written):
    folder = written("drawing")
    rows = read_rows(folder)
    times, pictures = read_video(folder / "overlay.mp4")
    assert len(times) == len(rows) == 12
    assert times == pytest.approx([float(row["time"]) - START for row in rows], abs=1e-3)
    height, width = pictures[0].shape[:2]
    assert max(height, width) <= 960
    assert height % 2 == width % 2 == 0
    assert {p.name for p in folder.iterdir()} == {
        *("score.json", "frames.csv", "aus.csv", "report.html", "keyframes", "overlay.mp4")
    }
    assert list((folder.parent / ".depmap").glob(".making-*")) == []
    settings = json.loads((folder.parent / "run.json").read_text())["runs"][-1]
    assert f"{folder.name}/overlay.mp4" in settings["files"]
    assert settings["settings"]["overlay"] is True
    assert settings["seconds"]["overlay"] > 0


def test_only_raw_pictures_show_the_recording(written, interview):
    """The picture is square, 540 pixels, at (0, 30): twice the size of the video and a bit."""
    size, top = 540, 30
    for style, face_like, rest_like in (("drawing", 0.6, 0.3), ("raw", 0.7, 0.7)):
        row = read_rows(written(style))[4]
        shown = read_video(written(style) / "overlay.mp4")[1][4][top : top + size, :size]
        source = cv2.resize(frame_at(interview, float(row["time"])), (size, size))
        box = [float(row[name]) * size / 256 for name in ("x0", "y0", "x1", "y1")]
        x0, y0, x1, y1 = (round(v) for v in box)
        cheek = np.s_[y0 + (y1 - y0) // 8 : y1 - (y1 - y0) // 8, x0 + 20 : x1 - 20]
        beside = np.s_[y0:y1, : x0 - 10]  # hair, ears and the surroundings
        if style == "raw":
            assert likeness(shown[cheek], source[cheek]) > face_like
            assert likeness(shown[beside], source[beside]) > rest_like
            assert np.abs(shown[beside].astype(int) - source[beside]).mean() < 8
        else:
            assert likeness(shown[cheek], source[cheek]) < face_like
            grey = shown.astype(int)
            assert (grey.max(-1) - grey.min(-1) > 60).mean() < 0.03  # no skin: box and marks only
            assert (shown.min(-1) > 235).mean() > 0.85  # the rest is paper


@pytest.mark.slow
def test_the_overlay_is_one_of_the_outputs_of_a_video(run, interview, tmp_path):
    """It is made if it is missing, and kept by a run that does not ask for it."""
    out, overlay = tmp_path / "out", tmp_path / "out" / interview.name / "overlay.mp4"
    score = ("score", interview, "-o", out, "--format", "csv", *PART)
    assert run(*score)[0] == 0
    assert not overlay.exists()
    _, _, err = run(*score, "--overlay")
    assert "already scored" not in err
    first = overlay.read_bytes()
    for options in ((), ("--overlay",)):
        code, _, err = run(*score, *options)
        assert code == 0
        assert "already scored" in err
    assert run(*score, "--overwrite")[0] == 0
    assert overlay.read_bytes() == first
    overlay.unlink()
    assert run(*score, "--overlay")[0] == 0
    assert overlay.read_bytes() == first  # the same bytes as without the interruption
    assert run(*score, "--overlay", "--pictures", "raw")[0] == 0
    assert overlay.read_bytes() != first
    assert run(*score)[0] == 0  # drawings again, and no overlay that shows the face
    assert not overlay.exists()


def test_a_refused_video_has_an_overlay_only_if_it_shows_a_face(run, media, tmp_path):
    code, _, _ = run(
        "score", media("two.mp4"), media("no_face.mp4"), media("text.mp4"),
        "-o", tmp_path, "--overlay", "--device", "cpu", "--fps", "2",
    )  # fmt: skip
    assert code == 4
    assert (tmp_path / "two.mp4" / "overlay.mp4").is_file()
    assert not (tmp_path / "no_face.mp4" / "overlay.mp4").exists()
    assert not (tmp_path / "text.mp4" / "overlay.mp4").exists()
    row = next(r for r in read_rows(tmp_path / "two.mp4") if r["x0"])
    picture = read_video(tmp_path / "two.mp4" / "overlay.mp4")[1][0]
    other_side = picture[30:390, 330:630] if float(row["x0"]) < 640 else picture[30:390, 10:310]
    assert (other_side > 235).all()  # the other person is not shown
    before = (tmp_path / "two.mp4" / "overlay.mp4").stat().st_mtime_ns
    _, _, err = run(
        "score", media("two.mp4"), media("no_face.mp4"),
        "-o", tmp_path, "--overlay", "--device", "cpu", "--fps", "2",
    )  # fmt: skip
    assert (tmp_path / "two.mp4" / "overlay.mp4").stat().st_mtime_ns == before


def test_a_gap_in_the_video_is_a_gap_in_the_overlay(run, media, tmp_path):
    """The video has no frames from 5 to 15 s; the picture before them stays for 10 s."""
    video = media("vfr.mp4")
    code, _, err = run(
        "score", video, "-o", tmp_path, "-f", "csv", "--overlay", "--device", "cpu",
        "--end", "17", "--fps", "2",
    )  # fmt: skip
    assert code == 0, err
    times, _ = read_video(tmp_path / video.name / "overlay.mp4")
    rows = read_rows(tmp_path / video.name)
    assert times == pytest.approx([float(row["time"]) for row in rows], abs=1e-3)
    assert max(b - a for a, b in pairwise(times)) == pytest.approx(10, abs=0.6)


def test_overlay_needs_output(run, interview):
    code, out, err = run("score", interview, "--overlay")
    assert (code, out) == (2, "")
    assert "--overlay needs --output" in " ".join(err.split())


@pytest.mark.slow
def test_worker_processes_hand_their_overlays_over(media, interview, tmp_path):
    import shutil
    import subprocess
    import sys

    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4"):
        shutil.copyfile(interview, folder / name)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "depmap_cli", "score", folder, "-o", tmp_path / "out", "-q"),
            *("--overlay", "--jobs", "2", *PART),
        ],
        check=False,
    )
    assert done.returncode == 0
    made = [(tmp_path / "out" / name / "overlay.mp4").read_bytes() for name in ("a.mp4", "b.mp4")]
    assert made[0] == made[1]
    assert list((tmp_path / "out" / ".depmap").glob(".making-*")) == []
