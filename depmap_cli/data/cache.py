"""Aligned faces of labelled recordings, prepared once by the code that scoring uses.

An entry is a folder named by a hash of the video's bytes, of every setting that shapes its faces
and of the packages that find them, so what changed is prepared anew. It is written aside and
renamed when whole.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from depmap_cli.config import FaceConfig, QualityConfig, SamplingConfig
from depmap_cli.data.corpus import Recording
from depmap_cli.errors import DataInvalid, DepmapError
from depmap_cli.faces import FaceDetector, extract_faces
from depmap_cli.quality import judge
from depmap_cli.results import Quality
from depmap_cli.video import probe, sample_frames

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

    @property
    def faces(self) -> np.ndarray:
        """(n, size, size, 3) RGB uint8, memory-mapped."""
        faces: np.ndarray = np.load(self.folder / "faces.npy", mmap_mode="r")
        return faces

    def __len__(self) -> int:
        return len(self.times)


class FaceCache:
    """Aligned faces below ``root`` for one choice of sampling and face settings."""

    def __init__(self, root: Path, sampling: SamplingConfig, faces: FaceConfig) -> None:
        self.root, self.sampling, self.faces = root, sampling, faces

    def prepare(
        self, recordings: list[Recording], jobs: int, progress: Callable[[int, int], None]
    ) -> list[CachedFaces]:
        """Make the missing entries, ``jobs`` at a time; the entries in the recordings' order.

        ``progress`` is told how many of how many are done. Safe to kill and to start again.

        Raises:
            DataInvalid: a recording that cannot be read or shows no face; names the file.
        """
        keys = [self._key(r.path) for r in recordings]
        todo = [
            (r, k) for r, k in zip(recordings, keys, strict=True) if not self._folder(k).exists()
        ]
        done = len(recordings) - len(todo)
        progress(done, len(recordings))
        self.root.mkdir(parents=True, exist_ok=True)
        with ProcessPoolExecutor(max(1, jobs), mp_context=get_context("spawn")) as pool:
            futures = [pool.submit(self._make, r.path, k) for r, k in todo]
            try:
                for future in as_completed(futures):
                    future.result()
                    done += 1
                    progress(done, len(recordings))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return [self._load(k) for k in keys]

    def _key(self, path: Path) -> str:
        made_by = [CACHE_VERSION, *map(metadata.version, _PACKAGES)]
        settings = [made_by, self.sampling.model_dump(), self.faces.model_dump()]
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()[:32]

    def _folder(self, key: str) -> Path:
        return self.root / key

    def _load(self, key: str) -> CachedFaces:
        folder = self._folder(key)
        index = json.loads((folder / "index.json").read_text())
        quality = Quality.model_validate(index["quality"])
        return CachedFaces(folder, np.array(index["times"]), index["sampled"], quality)

    def _make(self, path: Path, key: str) -> None:
        """Prepare one recording (in a worker process, on one thread)."""
        import torch

        torch.set_num_threads(1)
        aside = Path(tempfile.mkdtemp(prefix=".making-", dir=self.root))
        try:
            detector = FaceDetector(self.faces)
            segments = extract_faces(sample_frames(path, self.sampling), detector)
            samples = [sample for segment in segments for sample in segment]
            valid = [s for s in samples if s.face is not None]
            if not valid:
                raise DataInvalid(
                    f"{path.name}: no face found", "remove the recording or its label"
                )
            np.save(aside / "faces.npy", np.stack([s.face for s in valid if s.face is not None]))
            duration = probe(path).duration or samples[-1].time
            index = {
                "times": [s.time for s in valid],
                "sampled": len(samples),
                "quality": judge(samples, duration, QualityConfig()).model_dump(mode="json"),
            }
            (aside / "index.json").write_text(json.dumps(index))
            if not self._folder(key).exists():
                os.replace(aside, self._folder(key))
        except DataInvalid:
            raise
        except DepmapError as error:
            raise DataInvalid(f"{path.name}: {error.message}", error.hint) from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)
