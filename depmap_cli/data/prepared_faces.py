"""The prepared faces of one video on disk: a folder with ``faces.npy`` and ``index.json``.

Such folders are the entries of the face cache (``data/face_cache.py``). A corpus may hold them
instead of videos.
"""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from depmap_cli.config import QualityConfig
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.errors import DataInvalid
from depmap_cli.faces import FaceSample
from depmap_cli.faces.align import TEMPLATE
from depmap_cli.faces.quality import assess_quality
from depmap_cli.io.file_identity import sha256_of
from depmap_cli.results import Quality

FACES, INDEX = "faces.npy", "index.json"
FEATURES = "views"
"""Folder below the cache for semantic features of faces that lie in a user's corpus."""
CACHE_VERSION = 5
"""Increased whenever a change of the code changes the prepared faces."""


@dataclass(frozen=True, kw_only=True)
class CachedFaces:
    """The prepared faces of one video on disk."""

    folder: Path
    times: np.ndarray  # (n,) seconds, of the frames with a face
    clockwise: np.ndarray  # (n,) degrees by which each face was turned in the picture
    landmarks: np.ndarray  # (n, 5, 2) that it was aligned by, pixels of the picture; NaN if unknown
    n_sampled: int  # sampled frames, with a face or without
    quality: Quality  # of the video, as the quality gate of `depmap score` assesses it
    duration: float | None = None  # of the video in seconds, if the entry stores it
    cache_root: Path | None = None  # set if the folder lies in a user's corpus

    @property
    def features_folder(self) -> Path:
        """Where semantic features are cached: beside the faces, but never in a user's corpus."""
        if self.cache_root is None:
            return self.folder
        return self.cache_root / FEATURES / sha256_of(self.folder / FACES)[:32]

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
    """Write the samples that have a face into an existing folder, as ``read_entry`` reads them.

    ``decoded`` is the share of the ``duration`` that could be decoded, if known.

    Raises:
        DataInvalid: no sample has a face; names the video by ``name``.
    """
    valid = [sample for sample in samples if sample.face is not None]
    if not valid:
        raise DataInvalid(f"{name}: no face found", "remove the video or its label")
    # Written at once, because on a full disk np.save reports byte counts instead of the reason.
    content = io.BytesIO()
    np.save(content, np.stack([sample.face for sample in valid if sample.face is not None]))
    (folder / FACES).write_bytes(content.getbuffer())
    index = {
        "version": CACHE_VERSION,
        "times": [sample.time for sample in valid],
        "clockwise": [round(sample.clockwise, 3) for sample in valid],
        "landmarks": [_rounded(sample.landmarks) for sample in valid],
        "sampled": len(samples),
        "duration": duration,
        "quality": assess_quality(samples, duration, QualityConfig(), decoded).model_dump(
            mode="json"
        ),
    }
    (folder / INDEX).write_text(json.dumps(index))


def read_entry(folder: Path) -> CachedFaces:
    """Read the prepared faces of one video.

    Raises:
        ValueError: they are missing, damaged, or of another version of depmap.
        OSError: they cannot be read.
    """
    try:
        index = json.loads((folder / INDEX).read_text())
        quality = Quality.model_validate(index["quality"])
        times = np.array(index["times"], float)
        entry = CachedFaces(
            folder=folder,
            times=times,
            clockwise=np.array(index["clockwise"], float),
            landmarks=_landmarks(index, len(times)),
            n_sampled=index["sampled"],
            quality=quality,
            duration=index.get("duration"),
        )
        lengths = {len(entry.faces), len(times), len(entry.clockwise), len(entry.landmarks)}
        if len(lengths) > 1 or entry.landmarks.shape[1:] != TEMPLATE.shape:
            raise ValueError("the numbers of faces and times differ")
        if index["version"] != CACHE_VERSION:
            raise ValueError("prepared by another version of depmap")
    except (FileNotFoundError, EOFError, KeyError, TypeError) as error:
        raise ValueError("missing or damaged") from error
    return entry


def _rounded(landmarks: np.ndarray | None) -> list[list[float]] | None:
    return None if landmarks is None else np.round(landmarks, 3).tolist()


def _landmarks(index: dict[str, Any], count: int) -> np.ndarray:
    """The landmarks (count, 5, 2); older entries have none."""
    unknown = [[np.nan, np.nan]] * len(TEMPLATE)
    listed = index.get("landmarks", [None] * count)
    return np.array([unknown if points is None else points for points in listed], float)


def read_prepared(video: LabelledVideo) -> CachedFaces:
    """Read prepared faces that a corpus holds instead of a video.

    Raises:
        DataInvalid: they are missing, damaged, or of another version of depmap.
    """
    try:
        return read_entry(video.path)
    except (OSError, ValueError) as error:
        raise DataInvalid(
            f"{video.name}: not a folder of prepared faces, or of another version of depmap",
            f"give a folder with {FACES} and {INDEX}, as `depmap simulate --faces` of this version "
            "writes it",
        ) from error
