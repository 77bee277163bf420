"""Finds the subject's face in sampled frames and aligns it; unusable frames get a reason."""

from depmap_cli.faces.align import align_face, similarity_transform
from depmap_cli.faces.detect import FaceDetector
from depmap_cli.faces.detection import Detection
from depmap_cli.faces.track import FaceSample, extract_faces

__all__ = [
    "Detection",
    "FaceDetector",
    "FaceSample",
    "align_face",
    "extract_faces",
    "similarity_transform",
]
