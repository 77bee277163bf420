"""Choose the subject among the faces of a video, follow it, and hand on its aligned face.

Frames are worked through in segments of at most ``SEGMENT``, so memory stays flat however long the
video is; the subject of one segment is carried into the next.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from depmap_cli.config import SubjectRule
from depmap_cli.faces.align import align_face
from depmap_cli.faces.detect import Detection, FaceDetector, iter_detections
from depmap_cli.runtime.opencv import load_opencv
from depmap_cli.video.reader import Frame

SEGMENT = 128
_REACH = 1.0
"""Farthest a face moves between two sampled frames and stays the same one, in box sides."""


@dataclass(frozen=True, kw_only=True)
class FaceSample:
    """What became of one sampled frame. Boxes and landmarks are pixels of the source video."""

    time: float  # seconds
    valid: bool
    reason: str  # "" if valid; "interpolated"/"bridged" is told by ``origin``
    n_faces: int  # faces seen in the frame, the subject's or not
    face: np.ndarray | None = None  # (size, size, 3) RGB uint8, aligned
    box: np.ndarray | None = None  # (4,) x0 y0 x1 y1
    landmarks: np.ndarray | None = None  # (5, 2)
    origin: str = ""  # detected, interpolated or bridged
    probability: float = 0.0
    eye_distance: float = 0.0  # between the eyes, source pixels
    turn: float = 0.0  # nose tip off the eyes' middle, in eye distances; about 0 when frontal
    sharpness: float = 0.0  # variance of the Laplacian of the aligned face, grey levels squared
    brightness: float = 0.0  # mean grey level of the aligned face, 0-255


@dataclass(kw_only=True)
class _Seen:
    """A frame reduced to its faces' crops, so that the frame itself can be let go."""

    time: float
    scale: float
    faces: list[Detection]
    crops: list[np.ndarray]


@dataclass(kw_only=True)
class _Track:
    """One face followed over the frames of a segment: frame number -> which of its faces."""

    members: dict[int, int] = field(default_factory=dict)
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
    """The subject in every sampled frame, in order, in lists of at most ``SEGMENT`` frames.

    The subject is the face that ``detector.config.subject`` names: by default the largest of those
    seen in at least half as many frames as the one seen longest. Where it is lost, a face of about
    its size at about its place continues it. A frame without it is invalid, with the reason.
    """
    config = detector.config
    previous: _Track | None = None
    segment: list[_Seen] = []
    width = 1
    for frame, faces in iter_detections(frames, detector):
        width = frame.image.shape[1]
        crops = [align_face(frame.image, face.landmarks, config.size) for face in faces]
        segment.append(_Seen(time=frame.time, scale=frame.scale, faces=faces, crops=crops))
        if len(segment) == SEGMENT:
            samples, previous = _samples(segment, config.subject, width, previous)
            yield samples
            segment = []
    if segment:
        yield _samples(segment, config.subject, width, previous)[0]


def _samples(
    segment: list[_Seen], rule: SubjectRule, width: int, previous: _Track | None
) -> tuple[list[FaceSample], _Track | None]:
    subject = _choose(_link(segment), rule, width, previous)
    samples = [
        _sample(seen, subject.members.get(i) if subject else None) for i, seen in enumerate(segment)
    ]
    return samples, subject or previous


def _link(segment: list[_Seen]) -> list[_Track]:
    """Join faces of successive frames into tracks, nearest pairs first."""
    tracks: list[_Track] = []
    for i, seen in enumerate(segment):
        pairs = sorted(
            (_distance(track.last, face), t, n)
            for t, track in enumerate(tracks)
            for n, face in enumerate(seen.faces)
            if track.last is not None
        )
        used_tracks: set[int] = set()
        used_faces: set[int] = set()
        for distance, t, n in pairs:
            if distance > _REACH or t in used_tracks or n in used_faces:
                continue
            tracks[t].add(i, n, seen.faces[n])
            used_tracks.add(t)
            used_faces.add(n)
        for n, face in enumerate(seen.faces):
            if n not in used_faces:
                tracks.append(_Track())
                tracks[-1].add(i, n, face)
    return tracks


def _distance(a: Detection, b: Detection) -> float:
    """How unlike two faces are: shift in box sides, plus the log ratio of their sizes."""
    shift = float(np.linalg.norm(a.centre - b.centre)) / max(a.side, b.side)
    return shift + abs(float(np.log(a.side / b.side)))


def _choose(
    tracks: list[_Track], rule: SubjectRule, width: int, previous: _Track | None
) -> _Track | None:
    """The subject's track, joined with its continuations."""
    if not tracks:
        return None
    if previous is not None:
        near = [t for t in tracks if _same_place(previous, t)]
        tracks_for_rule = near or tracks
    else:
        tracks_for_rule = tracks
    enough = max(len(t.members) for t in tracks_for_rule) / 2
    candidates = [t for t in tracks_for_rule if len(t.members) >= enough]
    key = {
        SubjectRule.largest: lambda t: t.side,
        SubjectRule.longest: lambda t: len(t.members),
        SubjectRule.center: lambda t: -abs(t.centre[0] - width / 2),
        SubjectRule.left: lambda t: -t.centre[0],
        SubjectRule.right: lambda t: t.centre[0],
    }[rule]
    subject = max(candidates, key=key)
    for track in sorted(tracks, key=lambda t: -len(t.members)):
        if not track.members.keys() & subject.members.keys() and _same_place(subject, track):
            subject.members |= track.members
    return subject


def _same_place(a: _Track, b: _Track) -> bool:
    shift = float(np.linalg.norm(a.centre - b.centre)) / max(a.side, b.side)
    return shift < 2 * _REACH and 0.5 < a.side / b.side < 2


def _sample(seen: _Seen, number: int | None) -> FaceSample:
    if number is None:
        reason = "another face" if seen.faces else "no face"
        return FaceSample(time=seen.time, valid=False, reason=reason, n_faces=len(seen.faces))
    cv2 = load_opencv()
    face, crop = seen.faces[number], seen.crops[number]
    landmarks = face.landmarks / seen.scale
    eyes = landmarks[1] - landmarks[0]
    distance = max(float(np.linalg.norm(eyes)), 1e-6)
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    return FaceSample(
        time=seen.time,
        valid=True,
        reason="",
        n_faces=len(seen.faces),
        face=crop,
        box=face.box / seen.scale,
        landmarks=landmarks,
        origin=face.origin,
        probability=face.probability,
        eye_distance=distance,
        turn=float((landmarks[2] - landmarks[:2].mean(0)) @ eyes) / distance**2,
        sharpness=float(cv2.Laplacian(grey, cv2.CV_64F).var()),
        brightness=float(grey.mean()),
    )
