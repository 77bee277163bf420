"""Aligned faces of labelled recordings, prepared once by the code that scoring uses.

An entry is a folder named by a hash of the video's bytes, of its frame rate where the corpus gives
one, of every setting that shapes its faces and of the packages that find them, so what changed is
prepared anew. It is written aside and renamed when whole. A corpus may hold such folders itself,
``*.faces`` in place of videos: they are taken as they are.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from depmap_cli.config import FaceConfig, QualityConfig, SamplingConfig
from depmap_cli.data.recording import Recording, is_prepared
from depmap_cli.errors import DataInvalid, DepmapError, VideoUnreadable
from depmap_cli.faces import FaceDetector, FaceSample, extract_faces
from depmap_cli.quality import judge
from depmap_cli.results import Quality
from depmap_cli.video import probe, sample_frames

FACES, INDEX = "faces.npy", "index.json"
CACHE_VERSION = 3
"""Raised whenever the corridor's code changes what it produces."""
_PACKAGES = ("opencv-python", "facenet-pytorch", "torch", "torchvision")


def default_cache() -> Path:
    """``$DEPMAP_CACHE``, or the user's cache folder."""
    return Path(os.environ.get("DEPMAP_CACHE") or user_cache_path("depmap"))


@dataclass(frozen=True)
class CachedFaces:
    """The faces of one recording on disk."""

    folder: Path
    times: np.ndarray  # (n,) seconds, of the valid frames
    sampled: int  # frames looked at, valid or not
    quality: Quality  # of the recording, as the gate of `depmap score` sees it
    duration: float | None = None  # seconds of the recording, where the entry says

    @property
    def faces(self) -> np.ndarray:
        """(n, size, size, 3) RGB uint8, memory-mapped."""
        faces: np.ndarray = np.load(self.folder / FACES, mmap_mode="r")
        return faces

    def __len__(self) -> int:
        return len(self.times)


def write_entry(folder: Path, name: str, samples: list[FaceSample], duration: float) -> None:
    """What ``read_entry`` reads, into a folder that is there: the valid samples of a recording.

    Raises:
        DataInvalid: there are none; says the recording's ``name``.
    """
    valid = [s for s in samples if s.face is not None]
    if not valid:
        raise DataInvalid(f"{name}: no face found", "remove the recording or its label")
    np.save(folder / FACES, np.stack([s.face for s in valid if s.face is not None]))
    index = {
        "times": [s.time for s in valid],
        "sampled": len(samples),
        "duration": duration,
        "quality": judge(samples, duration, QualityConfig()).model_dump(mode="json"),
    }
    (folder / INDEX).write_text(json.dumps(index))


def read_entry(folder: Path) -> CachedFaces:
    """One recording's faces."""
    index = json.loads((folder / INDEX).read_text())
    quality = Quality.model_validate(index["quality"])
    times = np.array(index["times"])
    return CachedFaces(folder, times, index["sampled"], quality, index.get("duration"))


def read_prepared(recording: Recording) -> CachedFaces:
    """The faces that stand in a video's place in a corpus.

    Raises:
        DataInvalid: the folder does not hold them, or not whole.
    """
    try:
        entry = read_entry(recording.path)
        if len(entry.faces) != len(entry):
            raise ValueError("as many faces as times are expected")
    except (OSError, ValueError, KeyError) as error:
        raise DataInvalid(
            f"{recording.name}: not a folder of prepared faces",
            f"{FACES} and {INDEX} are expected, as `depmap simulate --faces` writes them",
        ) from error
    return entry


def duration_of(recording: Recording) -> float | None:
    """Seconds that a recording lasts, None where nothing says.

    Raises:
        VideoUnreadable, DataInvalid: it cannot be opened.
    """
    if is_prepared(recording.path):
        return read_prepared(recording).duration
    return probe(recording.path, recording.fps).duration


def check_readable(recording: Recording) -> None:
    """Decode the first picture of a video, or open prepared faces.

    Raises:
        DataInvalid: that fails; names the recording.
    """
    if is_prepared(recording.path):
        read_prepared(recording)
        return
    try:
        next(sample_frames(recording.path, SamplingConfig(fps=1)))
    except VideoUnreadable as error:
        raise DataInvalid(f"{recording.name}: {error.message}", error.hint) from error


@lru_cache
def _made_by() -> tuple[int | str, ...]:
    """What shapes faces besides settings; looked up once and not for every recording."""
    return (CACHE_VERSION, *map(metadata.version, _PACKAGES))


class FaceCache:
    """Aligned faces below ``root`` for one choice of sampling and face settings."""

    def __init__(self, root: Path, sampling: SamplingConfig, faces: FaceConfig) -> None:
        self.root, self.sampling, self.faces = root, sampling, faces

    def prepare(
        self, recordings: list[Recording], jobs: int, progress: Callable[[int, int], None]
    ) -> list[CachedFaces]:
        """Make the missing entries, ``jobs`` at a time; the entries in the recordings' order.

        Faces that a corpus holds itself are not made, and not copied.

        ``progress`` is told how many of how many are done. Safe to kill and to start again.

        Raises:
            DataInvalid: a recording that cannot be read or shows no face; names the file.
        """
        folders = [self._folder(r) for r in recordings]
        todo = [(r, f) for r, f in zip(recordings, folders, strict=True) if not f.exists()]
        done = len(recordings) - len(todo)
        progress(done, len(recordings))
        self.root.mkdir(parents=True, exist_ok=True)
        with ProcessPoolExecutor(max(1, jobs), mp_context=get_context("spawn")) as pool:
            futures = [pool.submit(self._make, r, f) for r, f in todo]
            try:
                for future in as_completed(futures):
                    future.result()
                    done += 1
                    progress(done, len(recordings))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return [self._load(*pair) for pair in zip(recordings, folders, strict=True)]

    def _folder(self, recording: Recording) -> Path:
        """Where the faces of a recording are, or will be."""
        path = recording.path
        return path if is_prepared(path) else self.root / self._key(path, recording.fps)

    def _key(self, path: Path, fps: float | None) -> str:
        settings: list[object] = [_made_by(), self.sampling.model_dump(), self.faces.model_dump()]
        if fps is not None:  # only then, so that entries made before it counted stay good
            settings.append(fps)
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()[:32]

    def _load(self, recording: Recording, folder: Path) -> CachedFaces:
        if not is_prepared(recording.path):
            return read_entry(folder)
        entry = read_prepared(recording)
        side = entry.faces.shape[1]
        if side != self.faces.size:
            raise DataInvalid(
                f"{recording.name}: faces of {side} px, but {self.faces.size} px are wanted",
                "set faces.size accordingly, or take the videos",
            )
        return entry

    def _make(self, recording: Recording, folder: Path) -> None:
        """Prepare one recording (in a worker process, on one thread)."""
        import torch

        torch.set_num_threads(1)
        path, fps = recording.path, recording.fps
        aside = Path(tempfile.mkdtemp(prefix=".making-", dir=self.root))
        try:
            detector = FaceDetector(self.faces)
            segments = extract_faces(sample_frames(path, self.sampling, fps), detector)
            samples = [sample for segment in segments for sample in segment]
            duration = probe(path, fps).duration or (samples[-1].time if samples else 0.0)
            write_entry(aside, recording.name, samples, duration)
            if not folder.exists():
                os.replace(aside, folder)
        except DataInvalid:
            raise
        except DepmapError as error:
            raise DataInvalid(f"{recording.name}: {error.message}", error.hint) from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)
