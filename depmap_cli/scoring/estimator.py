"""Encodes the faces of one video, frame by frame, and estimates the score from all of them."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from depmap_cli.faces import FaceSample
from depmap_cli.faces.track import COVERED_FACE
from depmap_cli.model.depmap import VideoScores
from depmap_cli.results import KeyFrame, KeyPicture, Steadiness
from depmap_cli.scoring.inference import VideoInference, face_batches
from depmap_cli.scoring.key_frames import KeyFrameCandidates, UsableFrames, make_key_frames
from depmap_cli.scoring.steadiness import measure_steadiness
from depmap_cli.scoring.timing import ScoringStage, StageClock
from depmap_cli.semantics.clip_model import COVERED_THRESHOLD, SemanticFeatures
from depmap_cli.semantics.neutral_face import subtract_baseline
from depmap_cli.semantics.openface import AuTable
from depmap_cli.weights.loading import Networks

NOT_IN_AU_TABLE = "no row in the AU table"
"""Reason of a frame that is excluded because the table of ``--au-csv`` has no row near its time."""


@dataclass(frozen=True, kw_only=True)
class VideoEstimate:
    """The output of the networks for one video."""

    scores: VideoScores  # b = 1
    steadiness: Steadiness
    usable: UsableFrames
    key_frames: list[KeyFrame]
    pictures: list[KeyPicture]  # in the order of ``key_frames``


class VideoEstimator:
    """Encodes the aligned faces of one video segment by segment, then estimates its score.

    It keeps small vectors of each frame, and only the faces of possible key frames.

    Args:
        networks: the networks that score the video.
        n_key_frames: number of key frames wanted.
        au_table: action units of the video; None to take them from the semantic model.
        clock: measures the time of the stages ``semantics`` and ``network``.
    """

    def __init__(
        self, *, networks: Networks, n_key_frames: int, au_table: AuTable | None, clock: StageClock
    ) -> None:
        self.samples: list[FaceSample] = []  # of all segments so far, without pictures
        self.au_table = au_table
        self._networks, self._clock = networks, clock
        self._semantics: list[SemanticFeatures] = []  # of the usable frames, without embeddings
        self._sum_of_embeddings = torch.zeros(networks.semantics.dim, dtype=torch.float64)
        self._n_usable = 0
        self._inference = VideoInference(
            model=networks.model,
            semantics=networks.semantics,
            device=networks.device,
            training_frames=networks.config.train.frames,
            shares_backbone=networks.shares_backbone,
            keep_features=False,
            au_table=au_table,
        )
        self._candidates = KeyFrameCandidates(
            wanted=n_key_frames, evenly=not networks.config.model.map
        )

    def add(self, segment: list[FaceSample]) -> None:
        """Encode the faces of a segment.

        Frames whose face is covered, or that the AU table does not describe, are excluded; in
        ``samples`` they are invalid, as are frames without a face.
        """
        with_face = [sample for sample in segment if sample.valid]
        times = np.array([sample.time for sample in with_face])
        faces = np.array([sample.face for sample in with_face])
        clockwise = np.array([sample.clockwise for sample in with_face])
        reasons = [
            reason
            for batch in face_batches(len(faces), self._networks.device)
            for reason in self._encode(faces[batch], times[batch], clockwise[batch])
        ]
        self.samples += [replace(s, face=None) for s in _apply_exclusions(segment, reasons)]

    def _encode(self, faces: np.ndarray, times: np.ndarray, clockwise: np.ndarray) -> list[str]:
        """Encode one batch of faces; return for each face why it is excluded, or ""."""
        with self._clock.timed(ScoringStage.semantics):
            semantics, maps = self._inference.embed(faces)
            semantics = semantics.in_camera(clockwise)
        reasons = self._exclusion_reasons(semantics, times)
        usable = np.array([not reason for reason in reasons])
        if not usable.any():
            return reasons
        mask = torch.from_numpy(usable)
        faces, semantics = faces[usable], semantics[mask]
        if self.au_table is not None:
            semantics = _from_table(self.au_table, semantics, times[usable])
        with self._clock.timed(ScoringStage.network):
            if maps is None:
                confidence = self._inference.encode_faces(faces, semantics)
            else:
                usable_maps = [m[mask.to(m.device)] for m in maps]
                confidence = self._inference.encode_maps(usable_maps, semantics)
            self._candidates.add(
                frame_confidence=confidence,
                first=self._n_usable,
                times=times[usable],
                faces=faces,
                embeddings=semantics.image.numpy(),
            )
        self._sum_of_embeddings += semantics.image.double().sum(0)
        self._semantics.append(replace(semantics, image=torch.empty(len(faces), 0)))
        self._n_usable += len(faces)
        return reasons

    def _exclusion_reasons(self, semantics: SemanticFeatures, times: np.ndarray) -> list[str]:
        reasons = [
            COVERED_FACE if c >= COVERED_THRESHOLD else "" for c in semantics.covered.tolist()
        ]
        if self.au_table is None:
            return reasons
        known = self.au_table.covers(times)
        return [
            reason or ("" if is_known else NOT_IN_AU_TABLE)
            for reason, is_known in zip(reasons, known, strict=True)
        ]

    def finish(self) -> VideoEstimate:
        """Estimate the score of the video from all usable frames, at least one."""
        times = np.array([sample.time for sample in self.samples if sample.valid])
        config = self._networks.config
        with self._clock.timed(ScoringStage.network):
            scores, features = self._inference.finish(times)
            steadiness = measure_steadiness(config.model, features, times, config.train.frames)
        semantics = SemanticFeatures.joined(self._semantics)
        usable = UsableFrames(
            times=times,
            semantics=semantics,
            features=features,
            au_probabilities=self._relative_to_neutral(semantics.au_probabilities.numpy()),
            mean_embedding=(self._sum_of_embeddings / self._n_usable).numpy(),
            angles=_known(semantics.angles.numpy()),
        )
        with self._clock.timed(ScoringStage.network):
            key_frames, pictures = make_key_frames(self._networks, scores, usable, self._candidates)
        return VideoEstimate(
            scores=scores,
            steadiness=steadiness,
            usable=usable,
            key_frames=key_frames,
            pictures=pictures,
        )

    def _relative_to_neutral(self, au_probabilities: np.ndarray) -> np.ndarray:
        """Return the action units (n, units) as reports show them: relative to the neutral face.

        Those of a table that are relative to it already are shown as they are.
        """
        typical_neutral = self._networks.semantics.typical_neutral
        shown_as_is = self.au_table is not None and not self.au_table.is_raw
        if typical_neutral is None or shown_as_is:
            return au_probabilities
        return subtract_baseline(au_probabilities, typical_neutral)


def _from_table(table: AuTable, semantics: SemanticFeatures, times: np.ndarray) -> SemanticFeatures:
    """Replace action units, and the angles that the table has, by those of the table."""
    read = table.angles_at(times)
    angles = np.where(np.isnan(read), semantics.angles.numpy(), read)
    return replace(
        semantics,
        au_probabilities=torch.from_numpy(table.at(times)).float(),
        angles=torch.from_numpy(angles).float(),
    )


def _known(angles: np.ndarray) -> np.ndarray | None:
    """The angles (n, 5); None if none is known."""
    return None if np.isnan(angles).all() else angles


def _apply_exclusions(segment: list[FaceSample], reasons: list[str]) -> list[FaceSample]:
    """Mark samples as invalid; ``reasons`` has one item for each valid sample, "" to keep it."""
    remaining = iter(reasons)
    return [
        replace(sample, valid=False, reason=reason)
        if sample.valid and (reason := next(remaining))
        else sample
        for sample in segment
    ]
