"""Faces with many combinations of action units, for training the semantic model.

Many people, a few frames of each: single units at any intensity, blends such as smiles and
speech, and frames of simulated interviews; in any pose and light. They carry no severity.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from depmap_cli.data.cache import write_entry
from depmap_cli.data.ground_truth import ground_truth_path, write_ground_truth
from depmap_cli.data.labelled_video import PREPARED_SUFFIX
from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.errors import UsageProblem
from depmap_cli.faces import FaceSample
from depmap_cli.io.atomic_files import atomic_write
from depmap_cli.runtime.process_pool import run_all
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.simulation.behaviour.interview import BY_TASK, simulate_behaviour
from depmap_cli.simulation.behaviour.temperament import Temperament
from depmap_cli.simulation.corpus.corpus_manifest import Row, subject_name, write_manifest
from depmap_cli.simulation.corpus.data_card import write_card
from depmap_cli.simulation.corpus.frame_rendering import Acted, film
from depmap_cli.simulation.corpus.output_folder import claim
from depmap_cli.simulation.corpus.prepared_faces import faces_of
from depmap_cli.simulation.corpus.random_streams import Stream, stream
from depmap_cli.simulation.corpus.sessions import draw_score
from depmap_cli.simulation.rendering.renderer_api import Stage, facts_of

TASK = "Portraits"
DEVELOPMENT_SHARE = 0.1
"""Of the people."""
PEOPLE_PER_ENTRY = 32
"""So many people's faces lie in one folder; a run that was killed goes on after the last."""
FPS = 1.0
"""Frames of a folder lie a second apart, so that nothing is interpolated between them."""

FROM_INTERVIEW, WITH_BLEND = 0.2, 0.5
"""Share of frames taken from an interview; share of the others that have a blend."""
UNIT_COUNTS = (0.12, 0.2, 0.24, 0.22, 0.14, 0.08)
"""Share of frames with 0, 1, 2, ... single units beside it."""
OFTENER = {"AU5": 2.0, "AU7": 2.0, "AU10": 1.5, "AU14": 1.5, "AU20": 2.0, "AU23": 2.0, "AU24": 1.5}
"""How much more often than others a single unit is drawn that blends and interviews have seldom."""
INTENSITY = (0.15, 1.05)
BLENDS: tuple[dict[str, float], ...] = (
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
EXCLUSIVE = (
    *(("AU5", "AU43"), ("AU12", "AU15"), ("AU12", "AU20"), ("AU14", "AU20")),
    *(("AU24", "AU25"), ("AU24", "AU26"), ("AU24", "AU10"), ("AU24", "AU20")),
    *(("AU17", "AU26"), ("AU20", "AU23")),
)
"""Pairs that one face cannot show at once: the stronger stays."""
EXCLUSIVE_FROM = 0.2
"""Intensity from which a pair excludes itself; what a face has at rest lies below."""
PARTED = 0.6
"""A dropped jaw parts the lips by this share of it at least."""
MAX_POSE = (30.0, 20.0, 15.0)
"""Degrees of yaw, pitch and roll."""

_PLACE = {unit.code: i for i, unit in enumerate(ACTION_UNITS)}
_SHARES = np.array([OFTENER.get(unit.code, 1.0) for unit in ACTION_UNITS])
_SHARES /= _SHARES.sum()


@dataclass(frozen=True, kw_only=True)
class PortraitOptions:
    """One set of portraits."""

    out: Path
    frames: int
    frames_per_person: int = 8
    seed: int = 1
    size: int = 256
    jobs: int = 1

    @property
    def settings(self) -> dict[str, int | str]:
        """All that shapes the result."""
        return {
            "what": "portraits",
            "frames": self.frames,
            "frames_per_person": self.frames_per_person,
            "seed": self.seed,
            "size": self.size,
        }


@dataclass(frozen=True)
class Group:
    """The people whose faces lie in one folder."""

    split: str
    number: int  # from 1
    people: range

    @property
    def name(self) -> str:
        """Of its folder and ground truth, less the ending."""
        return f"{self.number:04d}_1_{TASK}"

    def folder(self, out: Path) -> Path:
        """Where its faces lie."""
        return out / self.split / TASK / f"{self.name}{PREPARED_SUFFIX}"


def make_portraits(options: PortraitOptions, stage: Stage, told: ProgressCallback) -> None:
    """Render what is missing of a set of portraits, then list it.

    Raises:
        DepmapError: whatever is wrong with the options, the installation or the disk.
    """
    groups = plan(options)
    stage.check()
    claim(options.out, options.settings)
    missing = [g for g in groups if not _is_finished(options.out, g)]
    run_all(partial(make_group, options, stage), missing, options.jobs, "rendering faces", told)
    write_manifest(options.out, [_row(options, group) for group in groups])
    write_card(options.out, options.settings)


def plan(options: PortraitOptions) -> list[Group]:
    """Who goes into which folder; Development has the last people.

    Raises:
        UsageProblem: too few people for two splits.
    """
    people = -(-options.frames // options.frames_per_person)
    if people < 2:
        raise UsageProblem(
            f"--portraits {options.frames}: too few", "frames of two people at least are needed"
        )
    held_out = max(1, round(people * DEVELOPMENT_SHARE))
    parts = {
        "Training": range(people - held_out),
        "Development": range(people - held_out, people),
    }
    pieces = [
        (split, part[start : start + PEOPLE_PER_ENTRY])
        for split, part in parts.items()
        for start in range(0, len(part), PEOPLE_PER_ENTRY)
    ]
    return [Group(split, i, part) for i, (split, part) in enumerate(pieces, start=1)]


def _row(options: PortraitOptions, group: Group) -> Row:
    subject = subject_name(options.seed, group.number)
    return Row(
        path=group.folder(options.out),
        subject=subject,
        session=1,
        task=TASK,
        split=group.split,
        score=0,
        fps=FPS,
    )


def _is_finished(out: Path, group: Group) -> bool:
    """The ground truth is written last."""
    return ground_truth_path(out, group.split, group.name).is_file()


def make_group(options: PortraitOptions, stage: Stage, group: Group) -> None:
    """Render one folder of faces and its ground truth."""
    parts = [_portraits_of(options, stage, p, i) for i, p in enumerate(group.people)]
    samples = [sample for part in parts for sample in part.samples]
    acted = Acted.joined([part.acted for part in parts])
    facts = {name: np.array([p.facts[name] for p in parts]) for name in parts[0].facts}
    repeated = {n: np.repeat(v, options.frames_per_person) for n, v in facts.items()}
    with atomic_write(group.folder(options.out)) as folder:
        folder.mkdir()
        write_entry(folder, group.name, samples, float(len(acted)))
    traces = {"au": acted.au, "pose": acted.pose, "gaze": acted.gaze}
    rendered = np.arange(len(acted)), np.concatenate([p.landmarks for p in parts])
    with atomic_write(ground_truth_path(options.out, group.split, group.name)) as path:
        write_ground_truth(
            path, {**traces, "cue": np.zeros(len(acted), bool)}, rendered, FPS, repeated
        )


@dataclass(frozen=True, kw_only=True)
class _Part:
    """What one person adds to a folder."""

    acted: Acted
    samples: list[FaceSample]
    landmarks: np.ndarray  # (k, 5, 2) pixels
    facts: dict[str, float | bool | str]


def _portraits_of(options: PortraitOptions, stage: Stage, number: int, place: int) -> _Part:
    def drawn_for(purpose: Stream) -> np.random.Generator:
        return stream(options.seed, Stream.PORTRAITS, purpose, number)

    count = options.frames_per_person
    person = stage.person(int(drawn_for(Stream.LOOKS).integers(1 << 30)))
    camera = stage.camera(person, drawn_for(Stream.SCENE), options.size)
    rng = drawn_for(Stream.BEHAVIOUR)
    times = (place * count + np.arange(count)) / FPS
    au = draw_units(rng, count)
    pose, gaze = _draw_directions(rng, count)
    acted = Acted(au=au, pose=pose, gaze=gaze, times=times)
    landmarks: list[np.ndarray] = []
    samples = faces_of(film(camera, acted, landmarks), acted, drawn_for(Stream.CAMERA))
    return _Part(
        acted=acted,
        samples=samples,
        landmarks=np.stack(landmarks),
        facts={"person": number, **facts_of(person)},
    )


def draw_units(rng: np.random.Generator, count: int) -> Float32[np.ndarray, "count 18"]:
    """The action units of some frames of one person."""
    rest = np.zeros(len(ACTION_UNITS))
    rest[[_PLACE[c] for c in ("AU4", "AU15", "AU43")]] = np.clip(rng.normal(0.09, 0.07, 3), 0, 0.4)
    interview = _interview(rng)
    frames = [
        interview[rng.integers(len(interview))]
        if rng.random() < FROM_INTERVIEW
        else _posed(rng, rest)
        for _ in range(count)
    ]
    return np.stack(frames).astype(np.float32)


def _interview(rng: np.random.Generator) -> np.ndarray:
    """(n, 18) of a simulated conversation of one more person."""
    temperament, score = Temperament.draw(rng), draw_score(rng)
    task = sorted(BY_TASK)[int(rng.integers(len(BY_TASK)))]
    au: np.ndarray = simulate_behaviour(rng, temperament, score, task, 20, 8).au
    return au


def _posed(rng: np.random.Generator, rest: np.ndarray) -> np.ndarray:
    """(18,) single units, and perhaps a blend, over the face at rest."""
    au = rest.copy()
    if rng.random() < WITH_BLEND:
        strength = rng.uniform(*INTENSITY)
        for code, share in BLENDS[int(rng.integers(len(BLENDS)))].items():
            au[_PLACE[code]] = max(au[_PLACE[code]], strength * share * rng.uniform(0.7, 1.2))
    number = int(rng.choice(len(UNIT_COUNTS), p=UNIT_COUNTS))
    for place in rng.choice(len(au), number, replace=False, p=_SHARES):
        au[place] = rng.uniform(*INTENSITY)
    clipped: np.ndarray = np.clip(_possible(au), 0, INTENSITY[1])
    return clipped


def _possible(au: np.ndarray) -> np.ndarray:
    """Without what one face cannot show at once."""
    au = au.copy()
    for pair in EXCLUSIVE:
        places = [_PLACE[code] for code in pair]
        if au[places].min() > EXCLUSIVE_FROM:
            au[places[int(au[places].argmin())]] = 0
    jaw, lips = _PLACE["AU26"], _PLACE["AU25"]
    au[lips] = max(au[lips], PARTED * au[jaw])
    return au


def _draw_directions(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Head angles (count, 3), mostly near the front; and gaze (count, 2), mostly ahead."""
    pose = np.stack([rng.triangular(-most, 0, most, count) for most in MAX_POSE], axis=1)
    gaze = np.clip(rng.normal(0, (0.35, 0.25), (count, 2)), -0.8, 0.8)
    return pose, gaze
