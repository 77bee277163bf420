"""Versions of the installed packages that affect results."""

import importlib.metadata
from collections.abc import Sequence

PACKAGES = (
    "torch",
    "torchvision",
    "open_clip_torch",
    "pytorch_wavelets",
    "facenet-pytorch",
    "av",
    "opencv-python",
    "typer",
    "rich",
    "pydantic",
)


def package_versions(names: Sequence[str] = PACKAGES) -> dict[str, str | None]:
    """Return the version of each package; None if it is not installed."""
    return {name: _installed(name) for name in names}


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
