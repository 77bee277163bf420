"""Makes a corpus of simulated interviews in AVEC2014's layout, as videos or as prepared faces."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from depmap_cli.data.ground_truth import ground_truth_path, write_ground_truth
from depmap_cli.data.labelled_video import PREPARED_SUFFIX, SPLITS, TASKS
from depmap_cli.data.prepared_faces import write_entry
from depmap_cli.io.atomic_files import atomic_write
from depmap_cli.runtime.process_pool import run_all
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.simulation.behaviour.interview import Behaviour, simulate_behaviour
from depmap_cli.simulation.corpus.corpus_manifest import ManifestRow, subject_name, write_manifest
from depmap_cli.simulation.corpus.data_card import write_data_card
from depmap_cli.simulation.corpus.frame_rendering import FrameInputs, render_frames, sampled_frames
from depmap_cli.simulation.corpus.output_folder import claim_output_folder
from depmap_cli.simulation.corpus.prepared_faces import prepare_faces
from depmap_cli.simulation.corpus.random_streams import RandomPurpose, random_stream
from depmap_cli.simulation.corpus.sessions import Session, draw_sessions
from depmap_cli.simulation.corpus.video_encoding import write_video
from depmap_cli.simulation.rendering.renderer_api import RendererApi, appearance_of

FIRST_PERSON = 200
"""The number of the first person, similar to AVEC's."""
LENGTH_STD, LENGTH_RANGE = 0.25, (0.6, 1.5)
"""Length of a Freeform clip relative to ``CohortOptions.seconds``: standard deviation of its
logarithm, and limits. The length does not depend on severity, so it carries no information."""


@dataclass(frozen=True, kw_only=True)
class CohortOptions:
    """Options of a corpus of simulated interviews."""

    out: Path
    sessions: int = 150  # number of sessions; each has one clip per task
    splits: tuple[float, ...] = (50, 50, 50)  # shares of SPLITS
    tasks: tuple[str, ...] = TASKS
    seconds: float = 36.0  # length of a clip
    fps: float = 25.0
    size: int = 256  # width and height of the video in pixels
    effect: float = 1.0  # factor on all severity slopes
    seed: int = 1
    faces: int | None = None  # write this many prepared faces per clip instead of videos
    jobs: int = 1  # processes

    @property
    def settings(self) -> dict[str, Any]:
        """The options that determine the content of the corpus, as in ``simulation.json``."""
        options = {n: v for n, v in asdict(self).items() if n not in ("out", "jobs")}
        return {"what": "cohort", **options}

    @property
    def sessions_by_split(self) -> list[int]:
        """Number of sessions in each split, rounded by the largest remainder method."""
        shares = np.array(self.splits) / sum(self.splits) * self.sessions
        counts = np.floor(shares + 1e-9).astype(int)
        largest = np.argsort(counts - shares, kind="stable")
        counts[largest[: self.sessions - int(counts.sum())]] += 1
        return [int(count) for count in counts]


@dataclass(frozen=True)
class SimulatedClip:
    """One clip of a corpus: one task in one session."""

    split: str
    session: Session
    task: str

    @property
    def position(self) -> tuple[int, int, int]:
        """Person, session and task: the position of the clip in its random streams."""
        return self.session.person, self.session.session, TASKS.index(self.task)

    @property
    def name(self) -> str:
        """Name of its files without suffix, as in AVEC2014."""
        return f"{self.session.person}_{self.session.session}_{self.task}_video"

    def output_path(self, options: CohortOptions) -> Path:
        """Path of the video, or of the folder of prepared faces."""
        suffix = PREPARED_SUFFIX if options.faces else ".mp4"
        return options.out / self.split / self.task / f"{self.name}{suffix}"

    def label_path(self, options: CohortOptions) -> Path:
        """Path of the file with the session's BDI-II score."""
        name = f"{self.session.person}_{self.session.session}_Depression.csv"
        return options.out / self.split / "DepressionLabels" / name


def make_cohort(options: CohortOptions, renderer: RendererApi, progress: ProgressCallback) -> None:
    """Render the missing clips of a corpus, then write its manifest and data card.

    Raises:
        UsageProblem: the output folder is not empty or belongs to a corpus with other settings.
        DepmapError: as raised by ``RendererApi.check`` and ``make_clip``.
    """
    renderer.check()
    claim_output_folder(options.out, options.settings)
    clips = plan(options)
    missing = [clip for clip in clips if not _is_finished(options, clip)]
    run_all(partial(make_clip, options, renderer), missing, options.jobs, "rendering", progress)
    write_manifest(options.out, [_manifest_row(options, clip) for clip in clips])
    write_data_card(options.out, options.settings)


def plan(options: CohortOptions) -> list[SimulatedClip]:
    """Return all clips of the corpus. Each person is in one split only."""
    clips, first_person = [], FIRST_PERSON
    for i, (split, count) in enumerate(zip(SPLITS, options.sessions_by_split, strict=True)):
        rng = random_stream(options.seed, RandomPurpose.PEOPLE, i)
        sessions = draw_sessions(rng, count, first_person)
        clips += [
            SimulatedClip(split, session, task) for session in sessions for task in options.tasks
        ]
        first_person = max((s.person + 1 for s in sessions), default=first_person)
    return clips


def _is_finished(options: CohortOptions, clip: SimulatedClip) -> bool:
    """Return whether the clip is complete: its ground truth is written last."""
    return ground_truth_path(options.out, clip.split, clip.name).is_file()


def make_clip(options: CohortOptions, renderer: RendererApi, clip: SimulatedClip) -> None:
    """Render one clip and write its label, its video or prepared faces, and its ground truth.

    Raises:
        DataInvalid: prepared faces were asked for and no face was detected.
        OutputUnwritable: the video could not be encoded.
    """
    behaviour = _behaviour(options, clip)
    frames = sampled_frames(len(behaviour), options.faces or len(behaviour))
    inputs = FrameInputs(
        au=behaviour.au[frames],
        pose=behaviour.pose[frames],
        gaze=behaviour.gaze[frames],
        times=frames / options.fps,
    )
    appearance_rng = random_stream(options.seed, RandomPurpose.APPEARANCE, clip.session.person)
    person = renderer.person(int(appearance_rng.integers(1 << 30)))
    scene_rng = random_stream(options.seed, RandomPurpose.SCENE, *clip.position)
    frame_renderer = renderer.frame_renderer(person, scene_rng, options.size)
    landmarks: list[np.ndarray] = []
    pictures = render_frames(frame_renderer, inputs, landmarks)
    with atomic_write(clip.label_path(options)) as path:
        path.write_text(f"{clip.session.score}\n")
    compression_rng = random_stream(options.seed, RandomPurpose.CAMERA, *clip.position)
    with atomic_write(clip.output_path(options)) as path:
        if options.faces:
            _write_faces(path, pictures, inputs, len(behaviour) / options.fps, compression_rng)
        else:
            write_video(path, pictures, options.size, options.fps, compression_rng)
    seen = np.stack([frame_renderer.pose_in_camera(angles) for angles in behaviour.pose])
    truth = replace(behaviour, pose=seen)
    _write_truth(options, clip, truth, (frames, np.stack(landmarks)), appearance_of(person))


def _behaviour(options: CohortOptions, clip: SimulatedClip) -> Behaviour:
    length = options.seconds
    if clip.task == "Freeform":
        length_rng = random_stream(options.seed, RandomPurpose.LENGTH, *clip.position)
        length *= float(np.clip(length_rng.lognormal(0, LENGTH_STD), *LENGTH_RANGE))
    return simulate_behaviour(
        random_stream(options.seed, RandomPurpose.BEHAVIOUR, *clip.position),
        clip.session.temperament,
        clip.session.score,
        clip.task,
        length,
        options.fps,
        options.effect,
    )


def _write_faces(
    folder: Path, pictures: Any, inputs: FrameInputs, duration: float, rng: np.random.Generator
) -> None:
    samples = prepare_faces(pictures, inputs, rng)
    folder.mkdir()
    write_entry(folder, folder.name, samples, duration)


def _write_truth(
    options: CohortOptions,
    clip: SimulatedClip,
    behaviour: Behaviour,
    rendered: tuple[np.ndarray, np.ndarray],
    appearance: Mapping[str, Any],
) -> None:
    traces = {name: getattr(behaviour, name) for name in ("au", "pose", "gaze", "cue")}
    person, session, _ = clip.position
    facts = {"person": person, "session": session, "bdi": clip.session.score, **appearance}
    with atomic_write(ground_truth_path(options.out, clip.split, clip.name)) as path:
        write_ground_truth(path, traces, rendered, options.fps, facts)


def _manifest_row(options: CohortOptions, clip: SimulatedClip) -> ManifestRow:
    person, session, _ = clip.position
    score, path = clip.session.score, clip.output_path(options)
    subject = subject_name(options.seed, person)
    return ManifestRow(
        path=path,
        subject=subject,
        session=session,
        task=clip.task,
        split=clip.split,
        score=score,
        fps=options.fps,
    )
