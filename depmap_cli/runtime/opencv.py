"""Imports OpenCV for the whole package, and explains a broken installation in one line."""

import os
import sys
from types import ModuleType

from depmap_cli.errors import InstallationBroken

LIBGL_HINT = (
    "on Debian/Ubuntu: apt-get install libgl1 libglib2.0-0; or, without system packages: "
    "pip uninstall -y opencv-python && pip install opencv-python-headless"
)


def load_opencv() -> ModuleType:
    """Import ``cv2`` without its log output.

    Raises:
        InstallationBroken: a shared library that OpenCV needs (usually libGL) is missing.
    """
    if "cv2" not in sys.modules:
        os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
    try:
        import cv2
    except ImportError as error:
        raise InstallationBroken(f"OpenCV cannot be loaded: {error}", LIBGL_HINT) from error
    return cv2
