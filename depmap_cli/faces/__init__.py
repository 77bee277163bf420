"""Second room: sampled frames become the subject's aligned face, each valid or with a reason."""

from depmap_cli.faces.align import align_face, similarity_transform
from depmap_cli.faces.detect import Detection, FaceDetector
from depmap_cli.faces.track import FaceSample, extract_faces

__all__ = [
    "Detection",
    "FaceDetector",
    "FaceSample",
    "align_face",
    "extract_faces",
    "similarity_transform",
]
