"""The data behind the plots of faces, features and action units, from existing estimates."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
from torch import Tensor

from depmap_cli.data.clips import VideoClip
from depmap_cli.data.face_cache import duration_of
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.domain.bdi import BANDS, level_of
from depmap_cli.domain.head_and_gaze import HEAD
from depmap_cli.evaluation.appearance import (
    Appearance,
    KeyFace,
    MappedVideo,
    PrototypeFaces,
    sample_over_scores,
)
from depmap_cli.evaluation.au_trends import UnitCurve, UnitTrend, trends_of
from depmap_cli.evaluation.estimate_clip import ClipEstimate
from depmap_cli.evaluation.feature_map import map_features
from depmap_cli.scoring.key_frames import key_picture, nearest_level, usual_face
from depmap_cli.weights.loading import Networks

FACES = 4
"""Key frames shown for each level."""
NEAREST = 3
"""Training faces shown for each prototype."""


def appearance_of(
    networks: Networks,
    clips: Sequence[VideoClip],
    estimates: Sequence[ClipEstimate],
    prototypes: tuple[PrototypeFaces, ...] = (),
) -> Appearance:
    """Collect what the plots show of the evaluated clips."""
    levels = [level_of(clip.video.score) for clip in clips]
    videos = tuple(
        MappedVideo(clip.video.path.name, level, clip.video.score)
        for clip, level in zip(clips, levels, strict=True)
    )
    features = map_features(np.stack([e.video.fused[0].numpy() for e in estimates]))
    pictured = pictured_videos([clip.video for clip in clips])
    faces = key_faces_of(networks, clips, estimates, pictured)
    trends = trends_over(clips, networks.semantics.reliable_units)
    return Appearance(
        videos=videos,
        features=features,
        trends=trends,
        faces=tuple(faces[path] for path in pictured),
        prototypes=prototypes,
    )


def trends_over(clips: Sequence[VideoClip], reliable: dict[str, bool]) -> tuple[UnitTrend, ...]:
    """Return the mean probabilities of action units over these clips; ``reliable`` by unit."""
    return trends_of([_curve(clip, level_of(clip.video.score)) for clip in clips], reliable)


def _curve(clip: VideoClip, level: int) -> UnitCurve:
    """AU probabilities over one clip.

    It ends at the last face if the duration of the video is unknown.
    """
    times = clip.times[clip.usable]
    end = max(duration_of(clip.video) or 0.0, float(times[-1]), 1e-6)
    au_probabilities = clip.features.au_probabilities.numpy()[clip.usable]
    return UnitCurve(
        subject=clip.video.subject,
        level=level,
        positions=times / end,
        au_probabilities=au_probabilities,
    )


def pictured_videos(videos: Sequence[LabelledVideo]) -> tuple[Path, ...]:
    """Choose the videos whose key frame is shown: ``FACES`` for each level, in order of score."""
    paths: list[Path] = []
    for level in range(len(BANDS)):
        members = [video for video in videos if level_of(video.score) == level]
        people, scores = [v.subject for v in members], [v.score for v in members]
        paths += [members[i].path for i in sample_over_scores(people, scores, FACES)]
    return tuple(paths)


def key_faces_of(
    networks: Networks,
    clips: Sequence[VideoClip],
    estimates: Sequence[ClipEstimate],
    pictured: Sequence[Path],
) -> dict[Path, KeyFace]:
    """Return the key frame of each clip whose video is among ``pictured``."""
    return {
        clip.video.path: _key_face(networks, clip, estimate)
        for clip, estimate in zip(clips, estimates, strict=True)
        if clip.video.path in pictured
    }


def _key_face(networks: Networks, clip: VideoClip, estimate: ClipEstimate) -> KeyFace:
    has_weights = networks.config.model.map
    frame = int(estimate.video.weights[0].argmax()) if has_weights else len(estimate.rows) // 2
    nearest = nearest_level(estimate.frames, frame)
    row = int(estimate.rows[frame])
    usual = usual_face(networks, clip.faces, clip.features.angles[:, HEAD].numpy())
    head = clip.features.angles[row, HEAD].numpy()
    face_picture = key_picture(networks, np.array(clip.faces[row]), usual, head)
    known_level = nearest if networks.model.clusters is not None else None
    score = clip.video.score
    return KeyFace(
        level=level_of(score),
        score=score,
        estimate=estimate.score,
        nearest=known_level,
        picture=face_picture,
        heaviest=has_weights,
    )


def prototype_faces(
    networks: Networks, clips: Sequence[VideoClip], estimates: Sequence[ClipEstimate]
) -> tuple[PrototypeFaces, ...]:
    """Return for each prototype the faces of these clips that resemble it most, one per person.

    The networks must have prototypes.
    """
    clusters = networks.model.clusters
    assert clusters is not None
    owner = np.repeat(np.arange(len(clips)), [len(e.rows) for e in estimates])
    rows = np.concatenate([e.rows for e in estimates])
    activations = np.concatenate([_activations(e) for e in estimates])  # (faces, levels, k)
    people = np.array([clip.video.subject for clip in clips])[owner]
    usage = cast(Tensor, clusters.usage).cpu().numpy()
    galleries = []
    for level, number in np.ndindex(*usage.shape):
        pictures = tuple(
            key_picture(networks, np.array(clips[owner[i]].faces[rows[i]]))
            for i in nearest_of_people(activations[:, level, number], people, NEAREST)
        )
        share = float(usage[level, number] / max(usage[level].sum(), 1e-12))
        galleries.append(PrototypeFaces(level=level, number=number, usage=share, pictures=pictures))
    return tuple(galleries)


def _activations(estimate: ClipEstimate) -> np.ndarray:
    assert estimate.frames.activations is not None  # there are prototypes
    activations: np.ndarray = estimate.frames.activations.float().numpy()
    return activations


def nearest_of_people(similarity: np.ndarray, people: np.ndarray, count: int) -> list[int]:
    """Return the rows of greatest ``similarity`` (n,), greatest first, each of another person."""
    chosen: dict[str, int] = {}
    for row in np.argsort(-similarity, kind="stable").tolist():
        chosen.setdefault(people[row], row)
        if len(chosen) == count:
            break
    return list(chosen.values())
