"""Versions of the installed packages that results depend on."""

import importlib.metadata

PACKAGES = (
    "torch",
    "torchvision",
    "open_clip_torch",
    "pytorch_wavelets",
    "facenet-pytorch",
    "opencv-python",
    "typer",
    "rich",
    "pydantic",
)


def package_versions() -> dict[str, str | None]:
    """Of the packages that results rest on; null where one is not installed."""
    return {name: _installed(name) for name in PACKAGES}


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
