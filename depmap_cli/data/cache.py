"""Aligned faces of labelled recordings, prepared once by the code that scoring uses.

An entry is a folder named by a hash of the video's bytes, of its frame rate where the corpus gives
one, of every setting that shapes its faces and of the packages that find them, so what changed is
prepared anew. It is written aside and renamed when whole; one that is damaged all the same is made
anew. A corpus may hold such folders itself, ``*.faces`` in place of videos: they are taken as they
are, and nothing is ever written into a corpus.
"""

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from depmap_cli.config import FaceConfig, QualityConfig, SamplingConfig
from depmap_cli.data.labelled_video import LabelledVideo, is_prepared
from depmap_cli.errors import DataInvalid, DepmapError, OutputUnwritable, VideoUnreadable
from depmap_cli.faces import FaceDetector, FaceSample, extract_faces
from depmap_cli.faces.quality import assess_quality, decoded_share
from depmap_cli.io.atomic_files import (
    STALE_AGE,
    TEMP_PATTERN,
    atomic_write,
    remove,
    remove_stale_temp,
)
from depmap_cli.io.file_identity import sha256_of
from depmap_cli.results import Quality
from depmap_cli.runtime.process_pool import run_all
from depmap_cli.video.reader import check_complete, probe, sample_frames

FACES, INDEX, VIEWS = "faces.npy", "index.json", "views"
CACHE_VERSION = 4
"""Raised whenever the corridor's code changes what it produces."""
_PACKAGES = ("opencv-python", "facenet-pytorch", "torch", "torchvision")


def default_cache() -> Path:
    """``$DEPMAP_CACHE``, or the user's cache folder."""
    return Path(os.environ.get("DEPMAP_CACHE") or user_cache_path("depmap"))


@dataclass(frozen=True, kw_only=True)
class CachedFaces:
    """The faces of one recording on disk."""

    folder: Path
    times: np.ndarray  # (n,) seconds, of the valid frames
    sampled: int  # frames looked at, valid or not
    quality: Quality  # of the recording, as the gate of `depmap score` sees it
    duration: float | None = None  # seconds of the recording, where the entry says
    cache: Path | None = None  # where views of faces belong that lie in a user's corpus

    @property
    def views(self) -> Path:
        """Where CLIP's views of the faces are kept: beside them, unless a corpus holds them."""
        if self.cache is None:
            return self.folder
        return self.cache / VIEWS / sha256_of(self.folder / FACES)[:32]

    @property
    def faces(self) -> np.ndarray:
        """(n, size, size, 3) RGB uint8, memory-mapped."""
        faces: np.ndarray = np.load(self.folder / FACES, mmap_mode="r")
        return faces

    def __len__(self) -> int:
        return len(self.times)


def write_entry(
    folder: Path,
    name: str,
    samples: list[FaceSample],
    duration: float,
    decoded: float | None = None,
) -> None:
    """What ``read_entry`` reads, into a folder that is there: the valid samples of a recording.

    ``decoded`` is the share of its ``duration`` that they reach, where that is known.

    Raises:
        DataInvalid: there are none; says the recording's ``name``.
    """
    valid = [s for s in samples if s.face is not None]
    if not valid:
        raise DataInvalid(f"{name}: no face found", "remove the recording or its label")
    content = io.BytesIO()  # written at once: of a full disk np.save tells numbers, not the reason
    np.save(content, np.stack([s.face for s in valid if s.face is not None]))
    (folder / FACES).write_bytes(content.getbuffer())
    index = {
        "version": CACHE_VERSION,
        "times": [s.time for s in valid],
        "sampled": len(samples),
        "duration": duration,
        "quality": assess_quality(samples, duration, QualityConfig(), decoded).model_dump(
            mode="json"
        ),
    }
    (folder / INDEX).write_text(json.dumps(index))


def read_entry(folder: Path) -> CachedFaces:
    """One recording's faces.

    Raises:
        ValueError: they are not there, or not whole.
        OSError: they are there and cannot be read.
    """
    try:
        index = json.loads((folder / INDEX).read_text())
        quality = Quality.model_validate(index["quality"])
        times = np.array(index["times"], float)
        entry = CachedFaces(
            folder=folder,
            times=times,
            sampled=index["sampled"],
            quality=quality,
            duration=index.get("duration"),
        )
        if len(entry.faces) != len(entry):
            raise ValueError("as many faces as times are expected")
        if index["version"] != CACHE_VERSION:
            raise ValueError("prepared by another version of depmap")
    except (FileNotFoundError, EOFError, KeyError, TypeError) as error:
        raise ValueError("not whole") from error
    return entry


def content_of(video: LabelledVideo) -> str:
    """Hash of a video's bytes; of prepared faces, of their pictures, times and quality.

    Raises:
        DataInvalid: it cannot be read; names it.
    """
    if is_prepared(video.path):
        folder = read_prepared(video).folder
        both = sha256_of(folder / INDEX) + sha256_of(folder / FACES)
        return hashlib.sha256(both.encode()).hexdigest()
    try:
        return sha256_of(video.path)
    except OSError as error:
        raise DataInvalid(
            f"{video.name}: cannot be read: {error.strerror}", "check the file"
        ) from error


def read_prepared(video: LabelledVideo) -> CachedFaces:
    """The faces that stand in a video's place in a corpus.

    Raises:
        DataInvalid: the folder does not hold them, or not whole.
    """
    try:
        return read_entry(video.path)
    except (OSError, ValueError) as error:
        raise DataInvalid(
            f"{video.name}: not a folder of prepared faces, or of another version of depmap",
            f"{FACES} and {INDEX} are expected, as `depmap simulate --faces` of this version "
            "writes them",
        ) from error


def duration_of(video: LabelledVideo) -> float | None:
    """Seconds that a recording lasts, None where nothing says.

    Raises:
        DataInvalid: it cannot be opened; names the recording.
    """
    if is_prepared(video.path):
        return read_prepared(video).duration
    with _named(video):
        return probe(video.path, video.fps).duration


@contextmanager
def _named(video: LabelledVideo) -> Iterator[None]:
    """Says which recording's video is unreadable."""
    try:
        yield
    except VideoUnreadable as error:
        raise DataInvalid(f"{video.name}: {error.message}", error.hint) from error


def check_readable(video: LabelledVideo) -> None:
    """Decode the first picture of a video and read the rest, or open prepared faces.

    Raises:
        DataInvalid: that fails, or the video was cut off; names the recording.
    """
    if is_prepared(video.path):
        read_prepared(video)
        return
    with _named(video):
        next(sample_frames(video.path, SamplingConfig(fps=1)))
        check_complete(video.path, video.fps)


@contextmanager
def cache_writable(root: Path) -> Iterator[None]:
    """Turns what the disk refuses into one line that names the cache."""
    try:
        yield
    except OSError as error:
        raise OutputUnwritable(
            f"the cache {root}: {error.strerror or error}",
            "check space and rights, or give another folder with --cache",
        ) from error


@lru_cache
def _made_by() -> tuple[int | str, ...]:
    """What shapes faces besides settings; looked up once and not for every recording."""
    return (CACHE_VERSION, *map(_version, _PACKAGES))


def _version(package: str) -> str:
    """Of an installed package, or of what stands in for it where there is no screen."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return metadata.version(f"{package}-headless")


class FaceCache:
    """Aligned faces below ``root`` for one choice of sampling and face settings."""

    def __init__(self, root: Path, sampling: SamplingConfig, faces: FaceConfig) -> None:
        self.root, self.sampling, self.faces = root, sampling, faces

    def prepare(
        self, videos: list[LabelledVideo], jobs: int, progress: Callable[[int, int], None]
    ) -> list[CachedFaces]:
        """Make the missing entries, ``jobs`` at a time; the entries in the recordings' order.

        Faces that a corpus holds itself are not made, and not copied.

        ``progress`` is told how many of how many are done. Safe to kill and to start again, and to
        run several times at once.

        Raises:
            DataInvalid: a recording that cannot be read or shows no face; names the file.
            OutputUnwritable: the cache has no space, or gives no right.
            DepmapError: a process that ended by itself.
        """
        self._tidy()
        folders = [self._folder(r) for r in videos]
        found = [self._found(*pair) for pair in zip(videos, folders, strict=True)]
        triples = zip(videos, folders, found, strict=True)
        todo = {folder: (r, folder) for r, folder, entry in triples if entry is None}
        before = len(videos) - len(todo)
        progress(before, len(videos))
        if todo:
            self._open()
        run_all(
            self._make,
            list(todo.values()),
            jobs,
            "preparing faces",
            lambda _, done, __: progress(before + done, len(videos)),
        )
        return [entry or read_entry(f) for entry, f in zip(found, folders, strict=True)]

    def _open(self) -> None:
        """Make the folder ready for writing: a damaged entry is already gone."""
        with cache_writable(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.root).close()

    def _tidy(self) -> None:
        """Remove what killed processes left, of entries and of views; not where none may."""
        for place in (TEMP_PATTERN, f"*/{TEMP_PATTERN}", f"{VIEWS}/*/{TEMP_PATTERN}"):
            with suppress(OSError):
                remove_stale_temp(self.root.glob(place), STALE_AGE)

    def _found(self, video: LabelledVideo, folder: Path) -> CachedFaces | None:
        """The faces that are there; None where they are missing, and what is damaged is removed."""
        if is_prepared(video.path):
            return self._load_prepared(video)
        with cache_writable(self.root):
            try:
                return read_entry(folder)
            except ValueError:
                with suppress(FileNotFoundError):  # another process removes it, too
                    remove(folder)
        return None

    def _folder(self, video: LabelledVideo) -> Path:
        """Where the faces of a recording are, or will be."""
        path = video.path
        try:
            return path if is_prepared(path) else self.root / self._key(path, video.fps)
        except OSError as error:
            raise DataInvalid(
                f"{video.name}: cannot be read: {error.strerror}", "check permissions"
            ) from error

    def _key(self, path: Path, fps: float | None) -> str:
        settings: list[object] = [_made_by(), self.sampling.model_dump(), self.faces.model_dump()]
        if fps is not None:  # only then, so that entries made before it counted stay good
            settings.append(fps)
        return sha256_of(path, json.dumps(settings, sort_keys=True).encode())[:32]

    def _load_prepared(self, video: LabelledVideo) -> CachedFaces:
        entry = read_prepared(video)
        side = entry.faces.shape[1]
        if side != self.faces.size:
            raise DataInvalid(
                f"{video.name}: faces of {side} px, but {self.faces.size} px are wanted",
                "set faces.size accordingly, or take the videos",
            )
        return replace(entry, cache=self.root)

    def _make(self, item: tuple[LabelledVideo, Path]) -> None:
        """Prepare one recording, in a worker process."""
        from depmap_cli.runtime.devices import explain_out_of_memory

        video, folder = item
        path, fps = video.path, video.fps
        try:
            check_complete(path, fps)
            with explain_out_of_memory("its faces", "use fewer --jobs"):
                frames = sample_frames(path, self.sampling, fps)
                segments = extract_faces(frames, FaceDetector(self.faces))
                samples = [sample for segment in segments for sample in segment]
            info = probe(path, fps)
        except DepmapError as error:
            raise DataInvalid(f"{video.name}: {error.message}", error.hint) from error
        duration = info.duration or (samples[-1].time if samples else 0.0)
        decoded = decoded_share(samples, self.sampling, info)
        with cache_writable(self.root), atomic_write(folder, keep=True) as aside:
            aside.mkdir()
            write_entry(aside, video.name, samples, duration, decoded)
