"""Selects the subject among the faces of a video, tracks it, and returns its aligned face.

Frames are processed in segments of at most ``SEGMENT``, so memory use does not depend on the length
of the video. The subject of one segment is carried over to the next.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from depmap_cli.config import SubjectRule
from depmap_cli.faces.align import align_face, clockwise_degrees
from depmap_cli.faces.detect import FaceDetector
from depmap_cli.faces.detection import Detection, difference
from depmap_cli.faces.follow import OTHER_FACE_SIZE, iter_detections
from depmap_cli.runtime.opencv import load_opencv
from depmap_cli.video.reader import Frame

NO_FACE = "no face"
"""Reason of a frame without any face."""
ANOTHER_FACE = "another face"
"""Reason of a frame with faces, none of which is the subject's."""
COVERED_FACE = "covered face"
"""Reason of a frame in which something, such as a caption, a mask or a hand, covers the face."""
SEGMENT = 128
"""Most sampled frames in one segment."""
_MAX_MOTION = 1.0
"""Largest motion of a face between two sampled frames, in box sides; a larger one means that it is
another face."""


@dataclass(frozen=True, kw_only=True)
class FaceSample:
    """One sampled frame with the subject's face. Boxes and landmarks are in pixels of the video."""

    time: float  # seconds
    number: int = 0  # of the frame in the video, from 1; 0 if unknown
    valid: bool
    reason: str  # why the frame is unusable; "" if valid
    n_faces: int  # faces in the frame with at least OTHER_FACE_SIZE of the subject's side
    face: np.ndarray | None = None  # (size, size, 3) RGB uint8, aligned
    box: np.ndarray | None = None  # (4,) x0 y0 x1 y1
    landmarks: np.ndarray | None = None  # (5, 2)
    origin: str = ""  # detected, interpolated or bridged
    probability: float = 0.0
    eye_distance: float = 0.0  # between the eyes, pixels of the video
    clockwise: float = 0.0  # degrees by which the face is turned in the upright picture
    turn: float = 0.0  # nose tip's offset from the eyes' midpoint, in eye distances
    sharpness: float = 0.0  # variance of the Laplacian of the aligned face, grey levels squared
    brightness: float = 0.0  # mean grey level of the aligned face, 0-255
    still_since: float | None = None  # time since which the face does not move; None if unknown
    quarter_turns: int = 0  # counterclockwise turns after which the face is upright


@dataclass(kw_only=True)
class _FacesOfFrame:
    """The faces of a frame and their aligned crops, without the frame itself, to save memory."""

    time: float
    number: int
    scale: float
    faces: list[Detection]
    crops: list[np.ndarray]
    quarter_turns: int = 0


@dataclass(kw_only=True)
class _Track:
    """One face tracked over the frames of a segment."""

    members: dict[int, int] = field(default_factory=dict)  # frame -> index among its faces
    last: Detection | None = None
    sides: list[float] = field(default_factory=list)
    centres: list[np.ndarray] = field(default_factory=list)

    def add(self, frame: int, number: int, face: Detection) -> None:
        self.members[frame] = number
        self.last = face
        self.sides.append(face.side)
        self.centres.append(face.centre)

    @property
    def side(self) -> float:
        return float(np.median(self.sides))

    @property
    def centre(self) -> np.ndarray:
        middle: np.ndarray = np.median(np.array(self.centres), axis=0)
        return middle


def extract_faces(frames: Iterable[Frame], detector: FaceDetector) -> Iterator[list[FaceSample]]:
    """Yield the subject of every sampled frame, in order, in lists of at most ``SEGMENT`` frames.

    The subject is the face that ``detector.config.subject`` selects; by default it is the largest
    of the faces visible in at least half as many frames as the longest visible one. If its track
    ends, a face of similar size and position continues it. A frame without the subject is invalid
    and has a reason.
    """
    config = detector.config
    previous: _Track | None = None
    segment: list[_FacesOfFrame] = []
    width = 1
    for frame, faces in iter_detections(frames, detector):
        width = frame.image.shape[1]
        crops = [align_face(frame.image, face.landmarks, config.size) for face in faces]
        segment.append(
            _FacesOfFrame(
                time=frame.time,
                number=frame.number,
                scale=frame.scale,
                faces=faces,
                crops=crops,
                quarter_turns=detector.quarter_turns,
            )
        )
        if len(segment) == SEGMENT:
            samples, previous = _samples(segment, config.subject, width, previous)
            yield samples
            segment = []
    if segment:
        yield _samples(segment, config.subject, width, previous)[0]


def _samples(
    segment: list[_FacesOfFrame], rule: SubjectRule, width: int, previous: _Track | None
) -> tuple[list[FaceSample], _Track | None]:
    subject = _select_subject(_link(segment), rule, width, previous)
    side = subject.side if subject else 0.0
    samples = [
        _sample(frame, subject.members.get(i) if subject else None, side)
        for i, frame in enumerate(segment)
    ]
    return samples, subject or previous


def _link(segment: list[_FacesOfFrame]) -> list[_Track]:
    """Join the faces of successive frames into tracks, nearest pairs first."""
    tracks: list[_Track] = []
    for i, frame in enumerate(segment):
        pairs = sorted(
            (difference(track.last, face), t, n)
            for t, track in enumerate(tracks)
            for n, face in enumerate(frame.faces)
            if track.last is not None
        )
        used_tracks: set[int] = set()
        used_faces: set[int] = set()
        for distance, t, n in pairs:
            if distance > _MAX_MOTION or t in used_tracks or n in used_faces:
                continue
            tracks[t].add(i, n, frame.faces[n])
            used_tracks.add(t)
            used_faces.add(n)
        for n, face in enumerate(frame.faces):
            if n not in used_faces:
                tracks.append(_Track())
                tracks[-1].add(i, n, face)
    return tracks


def _select_subject(
    tracks: list[_Track], rule: SubjectRule, width: int, previous: _Track | None
) -> _Track | None:
    """Return the subject's track, joined with its continuations; None if there are no faces."""
    if not tracks:
        return None
    continued = [t for t in tracks if previous is not None and _is_continuation(previous, t)]
    eligible = continued or tracks
    min_length = max(len(t.members) for t in eligible) / 2
    candidates = [t for t in eligible if len(t.members) >= min_length]
    key = {
        SubjectRule.largest: lambda t: t.side,
        SubjectRule.longest: lambda t: len(t.members),
        SubjectRule.center: lambda t: -abs(t.centre[0] - width / 2),
        SubjectRule.left: lambda t: -t.centre[0],
        SubjectRule.right: lambda t: t.centre[0],
    }[rule]
    subject = max(candidates, key=key)
    for track in sorted(tracks, key=lambda t: -len(t.members)):
        if not track.members.keys() & subject.members.keys() and _is_continuation(subject, track):
            subject.members |= track.members
    return subject


def _is_continuation(a: _Track, b: _Track) -> bool:
    shift = float(np.linalg.norm(a.centre - b.centre)) / max(a.side, b.side)
    return shift < 2 * _MAX_MOTION and 0.5 < a.side / b.side < 2


def _sample(frame: _FacesOfFrame, number: int | None, side: float) -> FaceSample:
    """Return the sample of a frame.

    Args:
        frame: the frame.
        number: index of the subject among its faces; None if it is not there.
        side: side of the subject's face in the segment, in pixels of the frame.
    """
    n_faces = sum(face.side >= OTHER_FACE_SIZE * side for face in frame.faces)
    if number is None:
        reason = ANOTHER_FACE if n_faces else NO_FACE
        return FaceSample(
            time=frame.time,
            number=frame.number,
            valid=False,
            reason=reason,
            n_faces=n_faces,
        )
    cv2 = load_opencv()
    face, crop = frame.faces[number], frame.crops[number]
    landmarks = face.landmarks / frame.scale
    eyes = landmarks[1] - landmarks[0]
    distance = max(float(np.linalg.norm(eyes)), 1e-6)
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    return FaceSample(
        time=frame.time,
        number=frame.number,
        valid=True,
        reason="",
        n_faces=max(n_faces, 1),
        face=crop,
        box=face.box / frame.scale,
        landmarks=landmarks,
        origin=face.origin,
        probability=face.probability,
        eye_distance=distance,
        clockwise=_within_half_turn(clockwise_degrees(landmarks) - 90 * frame.quarter_turns),
        turn=float((landmarks[2] - landmarks[:2].mean(0)) @ eyes) / distance**2,
        sharpness=float(cv2.Laplacian(grey, cv2.CV_64F).var()),
        brightness=float(grey.mean()),
        quarter_turns=frame.quarter_turns,
    )


def _within_half_turn(degrees: float) -> float:
    """The same direction from -180 up to 180 degrees."""
    return (degrees + 180) % 360 - 180
