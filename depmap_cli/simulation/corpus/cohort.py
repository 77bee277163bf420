"""A corpus of simulated interviews in AVEC2014's layout, as videos or as prepared faces."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from depmap_cli.data.cache import write_entry
from depmap_cli.data.ground_truth import ground_truth_path, write_ground_truth
from depmap_cli.data.labelled_video import PREPARED_SUFFIX, SPLITS, TASKS
from depmap_cli.io.atomic_files import atomic_write
from depmap_cli.runtime.process_pool import run_all
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.simulation.behaviour.interview import Behaviour, simulate_behaviour
from depmap_cli.simulation.corpus.corpus_manifest import Row, subject_name, write_manifest
from depmap_cli.simulation.corpus.data_card import write_card
from depmap_cli.simulation.corpus.frame_rendering import Acted, film, spread_frames
from depmap_cli.simulation.corpus.output_folder import claim
from depmap_cli.simulation.corpus.prepared_faces import faces_of
from depmap_cli.simulation.corpus.random_streams import Stream, stream
from depmap_cli.simulation.corpus.sessions import Session, draw_sessions
from depmap_cli.simulation.corpus.video_encoding import write_video
from depmap_cli.simulation.rendering.renderer_api import Stage, facts_of

FIRST_PERSON = 200
"""The number of the first person; AVEC's begin thereabouts."""
LENGTH_SPREAD, LENGTHS = 0.25, (0.6, 1.5)
"""How long people talk freely: log standard deviation and limits, of the length asked for. It does
not depend on severity, so that a clip's length tells nothing."""


@dataclass(frozen=True, kw_only=True)
class CohortOptions:
    """One corpus."""

    out: Path
    sessions: int = 150  # sessions; each is one clip a task
    splits: tuple[float, ...] = (50, 50, 50)  # shares of SPLITS
    tasks: tuple[str, ...] = TASKS
    seconds: float = 36.0
    fps: float = 25.0
    size: int = 256
    effect: float = 1.0
    seed: int = 1
    faces: int | None = None  # prepared faces of so many frames instead of each video
    jobs: int = 1

    @property
    def settings(self) -> dict[str, Any]:
        """All that shapes the result."""
        kept = {n: v for n, v in asdict(self).items() if n not in ("out", "jobs")}
        return {"what": "cohort", **kept}

    @property
    def counts(self) -> list[int]:
        """Recordings in each split: shares of the whole, the rest by largest remainder."""
        shares = np.array(self.splits) / sum(self.splits) * self.sessions
        counts = np.floor(shares + 1e-9).astype(int)
        largest = np.argsort(counts - shares, kind="stable")
        counts[largest[: self.sessions - int(counts.sum())]] += 1
        return [int(count) for count in counts]


@dataclass(frozen=True)
class Clip:
    """One recording of one task that is to be made."""

    split: str
    session: Session
    task: str

    @property
    def place(self) -> tuple[int, int, int]:
        """What its random numbers are drawn for: person, session, task."""
        return self.session.person, self.session.session, TASKS.index(self.task)

    @property
    def name(self) -> str:
        """Of its files, less the ending, as AVEC names them."""
        return f"{self.session.person}_{self.session.session}_{self.task}_video"

    def path(self, options: CohortOptions) -> Path:
        """Where the video goes, or the faces in its place."""
        ending = PREPARED_SUFFIX if options.faces else ".mp4"
        return options.out / self.split / self.task / f"{self.name}{ending}"

    def label(self, options: CohortOptions) -> Path:
        """Where the session's score goes."""
        name = f"{self.session.person}_{self.session.session}_Depression.csv"
        return options.out / self.split / "DepressionLabels" / name


def make_cohort(options: CohortOptions, stage: Stage, told: ProgressCallback) -> None:
    """Render what is missing of a corpus, then list and describe it.

    Raises:
        DepmapError: whatever is wrong with the options, the installation or the disk.
    """
    stage.check()
    claim(options.out, options.settings)
    clips = plan(options)
    missing = [clip for clip in clips if not _is_finished(options, clip)]
    run_all(partial(make_clip, options, stage), missing, options.jobs, "rendering", told)
    write_manifest(options.out, [_row(options, clip) for clip in clips])
    write_card(options.out, options.settings)


def plan(options: CohortOptions) -> list[Clip]:
    """Every clip. Nobody is in two splits, and every split draws its own people."""
    clips, first = [], FIRST_PERSON
    for number, (split, count) in enumerate(zip(SPLITS, options.counts, strict=True)):
        sessions = draw_sessions(stream(options.seed, Stream.PEOPLE, number), count, first)
        clips += [Clip(split, session, task) for session in sessions for task in options.tasks]
        first = max((s.person + 1 for s in sessions), default=first)
    return clips


def _is_finished(options: CohortOptions, clip: Clip) -> bool:
    """The ground truth is written last."""
    return ground_truth_path(options.out, clip.split, clip.name).is_file()


def make_clip(options: CohortOptions, stage: Stage, clip: Clip) -> None:
    """Render one clip; write label, recording and ground truth.

    Raises:
        DataInvalid: no face was found in it, where faces are wanted.
        OutputUnwritable: the video could not be encoded.
    """
    behaviour = _behaviour(options, clip)
    frames = spread_frames(len(behaviour), options.faces or len(behaviour))
    acted = Acted(
        au=behaviour.au[frames],
        pose=behaviour.pose[frames],
        gaze=behaviour.gaze[frames],
        times=frames / options.fps,
    )
    person = stage.person(
        int(stream(options.seed, Stream.LOOKS, clip.session.person).integers(1 << 30))
    )
    camera = stage.camera(person, stream(options.seed, Stream.SCENE, *clip.place), options.size)
    landmarks: list[np.ndarray] = []
    pictures = film(camera, acted, landmarks)
    with atomic_write(clip.label(options)) as path:
        path.write_text(f"{clip.session.score}\n")
    compression = stream(options.seed, Stream.CAMERA, *clip.place)
    with atomic_write(clip.path(options)) as path:
        if options.faces:
            _write_faces(path, pictures, acted, len(behaviour) / options.fps, compression)
        else:
            write_video(path, pictures, options.size, options.fps, compression)
    _write_truth(options, clip, behaviour, (frames, np.stack(landmarks)), facts_of(person))


def _behaviour(options: CohortOptions, clip: Clip) -> Behaviour:
    length = options.seconds
    if clip.task == "Freeform":
        drawn = stream(options.seed, Stream.LENGTH, *clip.place).lognormal(0, LENGTH_SPREAD)
        length *= float(np.clip(drawn, *LENGTHS))
    return simulate_behaviour(
        stream(options.seed, Stream.BEHAVIOUR, *clip.place),
        clip.session.temperament,
        clip.session.score,
        clip.task,
        length,
        options.fps,
        options.effect,
    )


def _write_faces(
    folder: Path, pictures: Any, acted: Acted, duration: float, rng: np.random.Generator
) -> None:
    samples = faces_of(pictures, acted, rng)
    folder.mkdir()
    write_entry(folder, folder.name, samples, duration)


def _write_truth(
    options: CohortOptions,
    clip: Clip,
    behaviour: Behaviour,
    rendered: tuple[np.ndarray, np.ndarray],
    looks: Mapping[str, Any],
) -> None:
    traces = {name: getattr(behaviour, name) for name in ("au", "pose", "gaze", "cue")}
    person, session, _ = clip.place
    facts = {"person": person, "session": session, "bdi": clip.session.score, **looks}
    with atomic_write(ground_truth_path(options.out, clip.split, clip.name)) as path:
        write_ground_truth(path, traces, rendered, options.fps, facts)


def _row(options: CohortOptions, clip: Clip) -> Row:
    person, session, _ = clip.place
    score, path = clip.session.score, clip.path(options)
    subject = subject_name(options.seed, person)
    return Row(
        path=path,
        subject=subject,
        session=session,
        task=clip.task,
        split=clip.split,
        score=score,
        fps=options.fps,
    )
