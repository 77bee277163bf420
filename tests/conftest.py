"""Fixtures: rendered test videos, and damaged copies of them, for every kind of input."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.support.process_pool import work_here
from tests.support.videos import ffmpeg, read_video, write_video

pytest_plugins = ["tests.support.tiny_corpus"]

torch.set_num_threads(1)  # tensors are small, so more threads would only wait for each other


@pytest.fixture(scope="session")
def interview() -> Path:
    """The rendered example interview: 256 x 256 pixels, 25 frames per second, over 30 s."""
    # Imported here because jaxtyping instruments modules as they are imported.
    from depmap_cli.weights.locations import example_video

    return example_video()


@pytest.fixture(scope="session")
def face_frames(interview: Path) -> list[np.ndarray]:
    """Every fourth frame of the first 12 s of the interview, 192 x 192, RGB uint8."""
    return [
        cv2.resize(image, (192, 192), interpolation=cv2.INTER_AREA)
        for image in read_video(interview)[: 4 * 72 : 4]
    ]


@pytest.fixture(scope="session")
def face_landmarks(face_frames: list[np.ndarray]) -> list[np.ndarray]:
    """Landmarks (5, 2) of the face in each of ``face_frames``, found by MTCNN."""
    from depmap_cli.config import FaceConfig
    from depmap_cli.faces import FaceDetector

    found = FaceDetector(FaceConfig()).detect(face_frames)
    assert all(found)
    return [faces[0].landmarks for faces in found]


@pytest.fixture
def faces_in_process(monkeypatch):
    """Prepare faces in this process instead of worker processes."""
    work_here(monkeypatch)


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory, interview: Path, face_frames: list[np.ndarray]):
    """Return a function that makes an input video by its name, once."""
    folder = tmp_path_factory.mktemp("media")
    blank = np.full_like(face_frames[0], 90)
    canvas = np.full((720, 1280, 3), 70, np.uint8)

    def pasted(frame: np.ndarray, side: int, *corners: tuple[int, int]) -> np.ndarray:
        image = canvas.copy()
        for y, x in corners:
            image[y : y + side, x : x + side] = cv2.resize(frame, (side, side))
        return image

    def text(path: Path) -> None:
        path.write_text("this is no video\n" * 50)

    def audio(path: Path) -> None:
        ffmpeg("-f", "lavfi", "-i", "sine=frequency=440:duration=3", "-c:a", "aac", path)

    def truncated(path: Path) -> None:
        flat = path.with_suffix(".mkv")
        ffmpeg("-i", interview, "-c", "copy", flat)
        data = flat.read_bytes()
        path.write_bytes(data[: len(data) // 2])

    def rotated(path: Path) -> None:
        turned = path.with_suffix(".tmp.mp4")
        ffmpeg("-i", interview, "-t", "12", "-vf", "transpose=1,scale=160:192", turned)
        ffmpeg("-display_rotation", "90", "-i", turned, "-c", "copy", path)

    def variable_rate(path: Path) -> None:
        ffmpeg("-i", interview, "-vf", "select='not(between(t,5,15))'", "-fps_mode", "vfr", path)

    def broken(path: Path) -> None:
        index_last = path.with_suffix(".tmp.mp4")
        ffmpeg("-i", interview, "-c", "copy", index_last)
        data = index_last.read_bytes()
        path.write_bytes(data[: len(data) // 3])

    makers: dict[str, Callable[[Path], object]] = {
        "text.mp4": text,
        "empty.mp4": lambda p: p.write_bytes(b""),
        "audio.mp4": audio,
        "truncated.mkv": truncated,
        "broken.mp4": broken,
        "rotated.mp4": rotated,
        "vfr.mp4": variable_rate,
        "one_frame.mp4": lambda p: write_video(p, face_frames[:1]),
        "no_face.mp4": lambda p: write_video(p, [blank + 3 * (i % 9) for i in range(72)]),
        "half.mp4": lambda p: write_video(p, face_frames[:36] + [blank] * 36),
        "gap.mp4": lambda p: write_video(p, face_frames[:30] + [blank] * 2 + face_frames[32:60]),
        "upright.mp4": lambda p: write_video(p, face_frames[:60]),
        "on_side.mp4": lambda p: write_video(p, [np.rot90(f).copy() for f in face_frames[:60]]),
        "two.mp4": lambda p: write_video(
            p, [pasted(f, 330, (200, 100), (200, 800)) for f in face_frames[:60:2]], 3
        ),
        "tiny.mp4": lambda p: write_video(
            p, [pasted(f, 70, (300, 600)) for f in face_frames[:60:2]], 3
        ),
    }

    @lru_cache
    def make(name: str) -> Path:
        path = folder / name
        makers[name](path)
        return path

    return make


@pytest.fixture(scope="session", autouse=True)
def _one_thread_in_other_processes():
    """Use one thread, as in this process: the number of threads affects the last bits."""
    patch = pytest.MonkeyPatch()
    patch.setenv("OMP_NUM_THREADS", "1")
    yield
    patch.undo()


@pytest.fixture(scope="session", autouse=True)
def _weights_loaded_once():
    """Load networks once, although many commands run in this process."""
    from depmap_cli.scoring import scorer
    from depmap_cli.workflows import labelled_data

    patch = pytest.MonkeyPatch()
    patch.setattr(scorer, "load_networks", lru_cache(scorer.load_networks))
    patch.setattr(
        labelled_data, "load_semantic_model", lru_cache(labelled_data.load_semantic_model)
    )
    yield
    patch.undo()
