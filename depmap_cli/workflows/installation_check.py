"""Check the installation (`depmap doctor`) and describe it (`depmap info`)."""

import logging
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from depmap_cli import __version__
from depmap_cli.errors import DepmapError
from depmap_cli.io.checkpoint import read_document
from depmap_cli.io.file_identity import sha256_of
from depmap_cli.runtime.versions import package_versions
from depmap_cli.weights.loading import load_networks
from depmap_cli.weights.locations import example_video, weights_folder

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Check:
    """The result of one check of the installation."""

    name: str
    ok: bool
    detail: str


def examine(device: str) -> Iterator[Check]:
    """Check what scoring needs, in the order in which it needs it."""
    from depmap_cli.runtime.opencv import load_opencv

    yield _check("PyAV", _pyav)
    yield _check("OpenCV", lambda: f"version {load_opencv().__version__}")
    yield _check("device", lambda: _device(device))
    yield _check("weights", lambda: _weights(device))
    yield _check("scoring", lambda: _score_example(device))


def _check(name: str, action: Callable[[], str]) -> Check:
    try:
        return Check(name, True, action())
    except DepmapError as error:
        return Check(name, False, str(error))
    except Exception as error:  # whatever is broken, the user should learn which part it is
        logger.debug("the check of %s failed", name, exc_info=True)
        return Check(name, False, f"{type(error).__name__}: {error}")


def _pyav() -> str:
    import av

    return f"version {av.__version__}"


def _device(name: str) -> str:
    from depmap_cli.runtime.devices import available_devices, resolve_device

    return f"{resolve_device(name)} (available: {', '.join(available_devices())})"


def _weights(device: str) -> str:
    from depmap_cli.runtime.devices import resolve_device

    networks = load_networks(None, resolve_device(device))
    return f"{networks.path.name} {networks.sha256[:12]}, {networks.config.model.backbone}"


def _score_example(device: str) -> str:
    from depmap_cli.scoring.options import ScoreOptions
    from depmap_cli.scoring.scorer import Scorer

    report = Scorer.load(device=device).score(example_video(), ScoreOptions(frames=16)).report
    if report.estimate is None:
        raise DepmapError(
            f"the bundled {example_video().name} was not scored: {report.reason}",
            "reinstall depmap",
        )
    usable = report.quality.usable_frames if report.quality else 0
    return f"{example_video().name} scored {report.estimate.score:.1f} from {usable} frames"


def describe() -> dict[str, Any]:
    """Return versions, devices and the files of the weights folder."""
    from depmap_cli.runtime.devices import available_devices

    return {
        "depmap": __version__,
        "python": platform.python_version(),
        "packages": package_versions(),
        "devices": available_devices(),
        "weights": [_entry(path) for path in sorted(weights_folder().glob("*.safetensors"))],
    }


def _entry(path: Path) -> dict[str, Any]:
    entry: dict[str, Any] = {"file": path.name, "sha256": sha256_of(path)}
    try:
        document = read_document(path)
    except DepmapError as error:
        return entry | {"error": error.message}
    keys = ("kind", "version", "training_data", "simulated", "semantics", "development")
    return entry | {key: document[key] for key in keys if key in document}
