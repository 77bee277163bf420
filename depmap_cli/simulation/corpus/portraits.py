"""Makes faces with many combinations of action units, for training the semantic model.

There are many people with a few frames each, in any pose and light. Frames show single action
units at any intensity, typical expressions such as smiles and speech, or a moment of a simulated
interview. They carry no information about severity.
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from depmap_cli.data.ground_truth import ground_truth_path, write_ground_truth
from depmap_cli.data.labelled_video import PREPARED_SUFFIX
from depmap_cli.data.prepared_faces import write_entry
from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.errors import UsageProblem
from depmap_cli.faces import FaceSample
from depmap_cli.io.atomic_files import atomic_write
from depmap_cli.runtime.process_pool import run_all
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.simulation.behaviour.interview import TASK_RATES, simulate_behaviour
from depmap_cli.simulation.behaviour.temperament import Temperament
from depmap_cli.simulation.corpus.corpus_manifest import ManifestRow, subject_name, write_manifest
from depmap_cli.simulation.corpus.data_card import write_data_card
from depmap_cli.simulation.corpus.frame_rendering import FrameInputs, render_frames
from depmap_cli.simulation.corpus.output_folder import claim_output_folder
from depmap_cli.simulation.corpus.prepared_faces import prepare_faces
from depmap_cli.simulation.corpus.random_streams import RandomPurpose, random_stream
from depmap_cli.simulation.corpus.sessions import draw_score
from depmap_cli.simulation.rendering.renderer_api import RendererApi, appearance_of

TASK = "Portraits"
DEVELOPMENT_SHARE = 0.1
"""Share of the people in the Development split."""
PEOPLE_PER_FOLDER = 32
"""People whose faces share one folder; an interrupted run resumes after the last complete one."""
FPS = 1.0
"""Nominal frame rate of a folder: frames are a second apart, so none are interpolated."""

INTERVIEW_SHARE, EXPRESSION_SHARE = 0.2, 0.5
"""Share of frames taken from an interview, and share of the others with a typical expression."""
UNIT_COUNT_SHARES = (0.12, 0.2, 0.24, 0.22, 0.14, 0.08)
"""Share of frames with 0, 1, 2, ... additional single units."""
OVERSAMPLED = {
    "AU5": 2.0,
    "AU7": 2.0,
    "AU10": 1.5,
    "AU14": 1.5,
    "AU20": 2.0,
    "AU23": 2.0,
    "AU24": 1.5,
}
"""Relative frequency as a single unit of action units that are rare elsewhere; others have 1."""
INTENSITY_RANGE = (0.15, 1.05)
TYPICAL_EXPRESSIONS: tuple[dict[str, float], ...] = (
    {"AU12": 1.0, "AU6": 0.9, "AU25": 0.35},  # felt smile
    {"AU12": 1.0, "AU6": 0.9, "AU25": 0.9, "AU26": 0.45},  # laugh
    {"AU12": 0.9, "AU14": 0.35},  # social smile
    {"AU25": 0.7, "AU26": 0.8},  # speech
    {"AU43": 1.0},  # blink
    {"AU4": 1.0, "AU7": 0.3},  # frown
    {"AU1": 1.0, "AU2": 1.0},  # raised brows
    {"AU1": 0.8, "AU4": 0.6, "AU15": 0.7},  # sadness
    {"AU15": 1.0, "AU17": 0.7},  # pout
    {"AU1": 1.0, "AU2": 1.0, "AU5": 0.8, "AU25": 0.7, "AU26": 0.8},  # surprise
    {"AU9": 1.0, "AU10": 0.6, "AU4": 0.4},  # disgust
    {"AU23": 0.8, "AU24": 0.8, "AU4": 0.7},  # anger
)
EXCLUSIVE_PAIRS = (
    *(("AU5", "AU43"), ("AU12", "AU15"), ("AU12", "AU20"), ("AU14", "AU20")),
    *(("AU24", "AU25"), ("AU24", "AU26"), ("AU24", "AU10"), ("AU24", "AU20")),
    *(("AU17", "AU26"), ("AU20", "AU23")),
)
"""Pairs that one face cannot show together: the weaker unit is removed."""
EXCLUSIVE_THRESHOLD = 0.2
"""Intensity above which a pair is exclusive; intensities of neutral faces are below."""
MIN_LIP_PARTING = 0.6
"""Minimum intensity of parted lips (AU25), as a share of the intensity of a dropped jaw (AU26)."""
MAX_POSE = (48.0, 34.0, 28.0)
"""Limits of yaw, pitch and roll in degrees."""
GAZE_STD = (0.42, 0.38)
"""Standard deviation of the gaze (sideways, up); 1 is ``GAZE_DEGREES``."""

_COLUMN = {unit.code: i for i, unit in enumerate(ACTION_UNITS)}
_UNIT_PROBABILITIES = np.array([OVERSAMPLED.get(unit.code, 1.0) for unit in ACTION_UNITS])
_UNIT_PROBABILITIES /= _UNIT_PROBABILITIES.sum()


@dataclass(frozen=True, kw_only=True)
class PortraitOptions:
    """Options of a set of portraits."""

    out: Path
    frames: int  # minimum number of frames in all
    frames_per_person: int = 8
    seed: int = 1
    size: int = 256  # width and height of a frame in pixels
    jobs: int = 1  # processes

    @property
    def settings(self) -> dict[str, int | str]:
        """The options that determine the content, as in ``simulation.json``."""
        return {
            "what": "portraits",
            "frames": self.frames,
            "frames_per_person": self.frames_per_person,
            "seed": self.seed,
            "size": self.size,
        }


@dataclass(frozen=True)
class PortraitGroup:
    """The people whose faces share one folder."""

    split: str
    number: int  # from 1
    people: range

    @property
    def name(self) -> str:
        """Name of its folder and ground truth without suffix."""
        return f"{self.number:04d}_1_{TASK}"

    def folder(self, out: Path) -> Path:
        """Path of the folder of prepared faces."""
        return out / self.split / TASK / f"{self.name}{PREPARED_SUFFIX}"


def make_portraits(
    options: PortraitOptions, renderer: RendererApi, progress: ProgressCallback
) -> None:
    """Render the missing folders of a set of portraits, then write its manifest and data card.

    Raises:
        UsageProblem: there are too few people, or the output folder has other content.
        DepmapError: as raised by ``RendererApi.check`` and ``make_group``.
    """
    groups = plan(options)
    renderer.check()
    claim_output_folder(options.out, options.settings)
    missing = [g for g in groups if not _is_finished(options.out, g)]
    run_all(
        partial(make_group, options, renderer), missing, options.jobs, "rendering faces", progress
    )
    write_manifest(options.out, [_manifest_row(options, group) for group in groups])
    write_data_card(options.out, options.settings)


def plan(options: PortraitOptions) -> list[PortraitGroup]:
    """Assign people to folders; the last people are in Development.

    Raises:
        UsageProblem: there are too few people for two splits.
    """
    people = -(-options.frames // options.frames_per_person)
    if people < 2:
        raise UsageProblem(
            f"--portraits {options.frames}: too few frames", "give enough for at least two people"
        )
    held_out = max(1, round(people * DEVELOPMENT_SHARE))
    parts = {
        "Training": range(people - held_out),
        "Development": range(people - held_out, people),
    }
    pieces = [
        (split, part[start : start + PEOPLE_PER_FOLDER])
        for split, part in parts.items()
        for start in range(0, len(part), PEOPLE_PER_FOLDER)
    ]
    return [PortraitGroup(split, i, part) for i, (split, part) in enumerate(pieces, start=1)]


def _manifest_row(options: PortraitOptions, group: PortraitGroup) -> ManifestRow:
    subject = subject_name(options.seed, group.number)
    return ManifestRow(
        path=group.folder(options.out),
        subject=subject,
        session=1,
        task=TASK,
        split=group.split,
        score=0,
        fps=FPS,
    )


def _is_finished(out: Path, group: PortraitGroup) -> bool:
    """Return whether the folder is complete: its ground truth is written last."""
    return ground_truth_path(out, group.split, group.name).is_file()


def make_group(options: PortraitOptions, renderer: RendererApi, group: PortraitGroup) -> None:
    """Render the faces of one folder and write them and their ground truth."""
    parts = [_render_person(options, renderer, p, i) for i, p in enumerate(group.people)]
    samples = [sample for part in parts for sample in part.samples]
    inputs = FrameInputs.concatenate([part.inputs for part in parts])
    appearance = {
        name: np.array([p.appearance[name] for p in parts]) for name in parts[0].appearance
    }
    repeated = {n: np.repeat(v, options.frames_per_person) for n, v in appearance.items()}
    with atomic_write(group.folder(options.out)) as folder:
        folder.mkdir()
        write_entry(folder, group.name, samples, float(len(inputs)))
    traces = {"au": inputs.au, "pose": inputs.pose, "gaze": inputs.gaze}
    rendered = np.arange(len(inputs)), np.concatenate([p.landmarks for p in parts])
    with atomic_write(ground_truth_path(options.out, group.split, group.name)) as path:
        write_ground_truth(
            path, {**traces, "cue": np.zeros(len(inputs), bool)}, rendered, FPS, repeated
        )


@dataclass(frozen=True, kw_only=True)
class _PersonFrames:
    """The frames of one person."""

    inputs: FrameInputs
    samples: list[FaceSample]  # prepared faces of the frames in which a face was detected
    landmarks: np.ndarray  # (k, 68, 2) pixels
    appearance: dict[str, float | bool | str]


def _render_person(
    options: PortraitOptions, renderer: RendererApi, number: int, position: int
) -> _PersonFrames:
    def random_for(purpose: RandomPurpose) -> np.random.Generator:
        return random_stream(options.seed, RandomPurpose.PORTRAITS, purpose, number)

    count = options.frames_per_person
    person = renderer.person(int(random_for(RandomPurpose.APPEARANCE).integers(1 << 30)))
    frame_renderer = renderer.frame_renderer(person, random_for(RandomPurpose.SCENE), options.size)
    rng = random_for(RandomPurpose.BEHAVIOUR)
    times = (position * count + np.arange(count)) / FPS
    au = draw_action_units(rng, count)
    pose, gaze = _draw_pose_and_gaze(rng, count)
    inputs = FrameInputs(au=au, pose=pose, gaze=gaze, times=times)
    landmarks: list[np.ndarray] = []
    samples = prepare_faces(
        render_frames(frame_renderer, inputs, landmarks), inputs, random_for(RandomPurpose.CAMERA)
    )
    seen = np.stack([frame_renderer.pose_in_camera(angles) for angles in pose])
    return _PersonFrames(
        inputs=replace(inputs, pose=seen),
        samples=samples,
        landmarks=np.stack(landmarks),
        appearance={"person": number, **appearance_of(person)},
    )


def draw_action_units(rng: np.random.Generator, count: int) -> Float32[np.ndarray, "count 18"]:
    """Draw the action units of ``count`` frames of one person."""
    neutral = np.zeros(len(ACTION_UNITS))
    neutral[[_COLUMN[c] for c in ("AU4", "AU15", "AU43")]] = np.clip(
        rng.normal(0.09, 0.07, 3), 0, 0.4
    )
    interview = _interview_units(rng)
    frames = [
        interview[rng.integers(len(interview))]
        if rng.random() < INTERVIEW_SHARE
        else _random_expression(rng, neutral)
        for _ in range(count)
    ]
    return np.stack(frames).astype(np.float32)


def _interview_units(rng: np.random.Generator) -> np.ndarray:
    """Draw action units (n, 18) of a simulated interview of another person."""
    temperament, score = Temperament.draw(rng), draw_score(rng)
    task = sorted(TASK_RATES)[int(rng.integers(len(TASK_RATES)))]
    au: np.ndarray = simulate_behaviour(rng, temperament, score, task, 20, 8).au
    return au


def _random_expression(rng: np.random.Generator, neutral: np.ndarray) -> np.ndarray:
    """Draw intensities (18,): single units and possibly a typical expression on a neutral face."""
    au = neutral.copy()
    if rng.random() < EXPRESSION_SHARE:
        strength = rng.uniform(*INTENSITY_RANGE)
        for code, share in TYPICAL_EXPRESSIONS[int(rng.integers(len(TYPICAL_EXPRESSIONS)))].items():
            au[_COLUMN[code]] = max(au[_COLUMN[code]], strength * share * rng.uniform(0.7, 1.2))
    n_units = int(rng.choice(len(UNIT_COUNT_SHARES), p=UNIT_COUNT_SHARES))
    for column in rng.choice(len(au), n_units, replace=False, p=_UNIT_PROBABILITIES):
        au[column] = rng.uniform(*INTENSITY_RANGE)
    clipped: np.ndarray = np.clip(_resolve_exclusive_units(au), 0, INTENSITY_RANGE[1])
    return clipped


def _resolve_exclusive_units(au: np.ndarray) -> np.ndarray:
    """Remove units that one face cannot show together, and part the lips of a dropped jaw."""
    au = au.copy()
    for pair in EXCLUSIVE_PAIRS:
        columns = [_COLUMN[code] for code in pair]
        if au[columns].min() > EXCLUSIVE_THRESHOLD:
            au[columns[int(au[columns].argmin())]] = 0
    jaw, lips = _COLUMN["AU26"], _COLUMN["AU25"]
    au[lips] = max(au[lips], MIN_LIP_PARTING * au[jaw])
    return au


def _draw_pose_and_gaze(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw head angles (count, 3) in degrees, mostly frontal, and gaze (count, 2), mostly ahead."""
    pose = np.stack([rng.triangular(-limit, 0, limit, count) for limit in MAX_POSE], axis=1)
    gaze = np.clip(rng.normal(0, GAZE_STD, (count, 2)), -1, 1)
    return pose, gaze
