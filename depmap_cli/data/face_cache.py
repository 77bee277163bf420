"""The face cache: aligned faces of labelled videos, prepared once by the code that scoring uses.

An entry is a folder whose name is a hash of the video's bytes, of its frame rate if the corpus
gives one, of all settings that affect its faces, and of the versions of the packages that find
them. If any of these changes, the faces are prepared again. Entries are written atomically; damaged
ones are replaced. A corpus may itself hold such folders, named ``*.faces``, instead of videos: they
are used as they are, and nothing is ever written into a corpus.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from platformdirs import user_cache_path

from depmap_cli.config import FaceConfig, SamplingConfig
from depmap_cli.data.labelled_video import LabelledVideo, is_prepared
from depmap_cli.data.prepared_faces import (
    CACHE_VERSION,
    FACES,
    FEATURES,
    INDEX,
    CachedFaces,
    read_entry,
    read_prepared,
    write_entry,
)
from depmap_cli.errors import DataInvalid, DepmapError, OutputUnwritable, VideoUnreadable
from depmap_cli.faces import FaceDetector
from depmap_cli.faces.quality import decoded_share
from depmap_cli.faces.subject import read_subject
from depmap_cli.io.atomic_files import (
    STALE_AGE,
    TEMP_PATTERN,
    atomic_write,
    remove,
    remove_stale_temp,
)
from depmap_cli.io.clean_text import clean
from depmap_cli.io.file_identity import sha256_of
from depmap_cli.runtime.process_pool import run_all
from depmap_cli.video.reader import check_complete, probe, sample_frames

_PACKAGES = ("av", "opencv-python", "facenet-pytorch", "torch", "torchvision")


def default_cache() -> Path:
    """Return ``$DEPMAP_CACHE``, or else the user's cache folder."""
    return Path(os.environ.get("DEPMAP_CACHE") or user_cache_path("depmap"))


def content_hash(video: LabelledVideo) -> str:
    """Hash a video's bytes; of prepared faces, the pictures, times and quality.

    Raises:
        DataInvalid: it cannot be read; names the video.
    """
    if is_prepared(video.path):
        folder = read_prepared(video).folder
        both = sha256_of(folder / INDEX) + sha256_of(folder / FACES)
        return hashlib.sha256(both.encode()).hexdigest()
    try:
        return sha256_of(video.path)
    except OSError as error:
        raise DataInvalid(
            f"{video.name}: cannot be read: {error.strerror}", "check the file and its permissions"
        ) from error


def duration_of(video: LabelledVideo) -> float | None:
    """Return the duration of a video in seconds; None if it is unknown.

    Raises:
        DataInvalid: it cannot be opened; names the video.
    """
    if is_prepared(video.path):
        return read_prepared(video).duration
    with _names_video(video):
        return probe(video.path, video.fps).duration


@contextmanager
def _names_video(video: LabelledVideo) -> Iterator[None]:
    """Turn errors of the video reader into errors that name the labelled video."""
    try:
        yield
    except VideoUnreadable as error:
        raise DataInvalid(f"{video.name}: {error.message}", error.hint) from error


def check_readable(video: LabelledVideo) -> None:
    """Decode the first frame of a video and read the rest, or open prepared faces.

    Raises:
        DataInvalid: that fails, or the video is cut off; names the video.
    """
    if is_prepared(video.path):
        read_prepared(video)
        return
    with _names_video(video):
        next(sample_frames(video.path, SamplingConfig(fps=1)))
        check_complete(video.path, video.fps)


@contextmanager
def cache_writable(root: Path) -> Iterator[None]:
    """Turn an OSError into an error that names the cache."""
    try:
        yield
    except OSError as error:
        raise OutputUnwritable(
            f"the face cache {clean(str(root))}: {error.strerror or error}",
            "check free space and permissions, or give another folder with --cache",
        ) from error


@lru_cache
def _versions() -> tuple[int | str, ...]:
    """What affects faces besides settings; looked up once, not for every video."""
    return (CACHE_VERSION, *map(_version, _PACKAGES))


def _version(package: str) -> str:
    """Version of an installed package, or of its variant for machines without a display."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return metadata.version(f"{package}-headless")


class FaceCache:
    """The aligned faces below ``root``, for given sampling and face settings."""

    def __init__(self, root: Path, sampling: SamplingConfig, faces: FaceConfig) -> None:
        self.root, self.sampling, self.faces = root, sampling, faces

    def prepare(
        self, videos: list[LabelledVideo], jobs: int, on_progress: Callable[[int, int], None]
    ) -> list[CachedFaces]:
        """Return the entries of the videos, in their order; create missing ones with ``jobs``
        processes.

        Faces that the corpus itself holds are used without a copy. ``on_progress`` is called with
        (done, total). It is safe to interrupt and repeat this, and to run it several times at once.

        Raises:
            DataInvalid: a video cannot be read or shows no face; names the video.
            OutputUnwritable: the disk is full, or permission is missing.
            DepmapError: a process ended unexpectedly.
        """
        self._remove_stale_files()
        folders = [self._folder(video) for video in videos]
        entries = [self._read(v, folder) for v, folder in zip(videos, folders, strict=True)]
        triples = zip(videos, folders, entries, strict=True)
        missing = {folder: (video, folder) for video, folder, entry in triples if entry is None}
        n_cached = len(videos) - len(missing)
        on_progress(n_cached, len(videos))
        if missing:
            self._check_writable()
        run_all(
            self._create,
            list(missing.values()),
            jobs,
            "preparing faces",
            lambda _, done, __: on_progress(n_cached + done, len(videos)),
        )
        return [entry or read_entry(f) for entry, f in zip(entries, folders, strict=True)]

    def _check_writable(self) -> None:
        with cache_writable(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.root).close()

    def _remove_stale_files(self) -> None:
        """Remove incomplete entries and features of killed processes, where permitted."""
        for pattern in (TEMP_PATTERN, f"*/{TEMP_PATTERN}", f"{FEATURES}/*/{TEMP_PATTERN}"):
            with suppress(OSError):
                remove_stale_temp(self.root.glob(pattern), STALE_AGE)

    def _read(self, video: LabelledVideo, folder: Path) -> CachedFaces | None:
        """Read existing faces; None if they are missing. A damaged entry is removed."""
        if is_prepared(video.path):
            return self._load_prepared(video)
        with cache_writable(self.root):
            try:
                return read_entry(folder)
            except ValueError:
                with suppress(FileNotFoundError):  # another process may remove it too
                    remove(folder)
        return None

    def _folder(self, video: LabelledVideo) -> Path:
        """The folder of a video's faces, whether it exists or not."""
        path = video.path
        try:
            return path if is_prepared(path) else self.root / self._key(path, video.fps)
        except OSError as error:
            raise DataInvalid(
                f"{video.name}: cannot be read: {error.strerror}",
                "check the file and its permissions",
            ) from error

    def _key(self, path: Path, fps: float | None) -> str:
        settings: list[object] = [_versions(), self.sampling.model_dump(), self.faces.model_dump()]
        if fps is not None:  # otherwise left out, so that older entries stay valid
            settings.append(fps)
        return sha256_of(path, json.dumps(settings, sort_keys=True).encode())[:32]

    def _load_prepared(self, video: LabelledVideo) -> CachedFaces:
        entry = read_prepared(video)
        side = entry.faces.shape[1]
        if side != self.faces.size:
            raise DataInvalid(
                f"{video.name}: faces of {side} px, but {self.faces.size} px are needed",
                f"set faces.size={side}, or use the videos themselves",
            )
        return replace(entry, cache_root=self.root)

    def _create(self, item: tuple[LabelledVideo, Path]) -> None:
        """Prepare the faces of one video, in a worker process."""
        from depmap_cli.runtime.devices import explain_out_of_memory

        video, folder = item
        path, fps = video.path, video.fps
        try:
            properties = check_complete(path, fps)
            with explain_out_of_memory("its faces", "use fewer --jobs"):
                frames = sample_frames(path, self.sampling, fps, properties=properties)
                segments = read_subject(frames, FaceDetector(self.faces))
                samples = [sample for segment in segments for sample in segment]
        except DepmapError as error:
            raise DataInvalid(f"{video.name}: {error.message}", error.hint) from error
        duration = properties.duration or (samples[-1].time if samples else 0.0)
        decoded = decoded_share(samples, self.sampling, properties)
        with cache_writable(self.root), atomic_write(folder, keep=True) as temporary:
            temporary.mkdir()
            write_entry(temporary, video.name, samples, duration, decoded)
