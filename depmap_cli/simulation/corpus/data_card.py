"""Writes the data card (README.md) of a simulated corpus: content, command, people and limits."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from depmap_cli import __version__
from depmap_cli.data.ground_truth import FOLDER
from depmap_cli.io.atomic_files import atomic_write
from depmap_cli.simulation.behaviour.severity_slopes import SEVERITY_SLOPES

DATA_CARD = "README.md"
_OPTION_NAMES = {"frames": "portraits"}
"""Options of `depmap simulate` whose names differ from those of the settings."""


@dataclass(frozen=True, kw_only=True)
class _SplitSummary:
    """Counts and ranges of one split."""

    split: str
    clips: int
    people: int
    tones: tuple[int, int, int]  # people with light, middle and dark skin
    women: int
    glasses: int
    ages: tuple[float, float]  # youngest and oldest, years
    scores: tuple[float, float] | None  # mean and standard deviation; None for portraits


def write_data_card(out: Path, settings: Mapping[str, Any]) -> None:
    """Write the data card of the corpus in ``out`` from its settings and ground truth."""
    summaries = [
        _summarise_split(folder) for folder in sorted((out / FOLDER).iterdir(), key=_split_order)
    ]
    text = _PORTRAITS if settings["what"] == "portraits" else _COHORT
    effect = float(settings.get("effect", 1))
    body = text.format(
        version=__version__,
        command=_command(settings),
        slopes=_slope_table(effect) if effect else _NULL,
        counts=_summary_table(summaries),
        media=_FACES if settings.get("faces") else _VIDEOS,
    )
    with atomic_write(out / DATA_CARD) as temporary:
        temporary.write_text(body + _LIMITS)


def _split_order(folder: Path) -> int:
    return ("Training", "Development", "Testing").index(folder.name)


def _summarise_split(folder: Path) -> _SplitSummary:
    """Summarise the people of one split, each person counted once."""
    people: dict[int, tuple[float, bool, bool, float]] = {}
    scores: dict[tuple[int, int], float] = {}
    files = sorted(folder.glob("[!.]*.npz"))
    for path in files:
        with np.load(path, allow_pickle=False) as truth:
            columns = [np.atleast_1d(truth[n]).tolist() for n in _ARRAYS]
            for number, *attributes in zip(*columns, strict=True):
                people[number] = (attributes[0], attributes[1], attributes[2], attributes[3])
            if "bdi" in truth:
                scores[int(truth["person"]), int(truth["session"])] = float(truth["bdi"])
    tone, woman, glasses, age = (np.array(column) for column in zip(*people.values(), strict=True))
    thirds = np.histogram(tone, bins=[-1, 1 / 3, 2 / 3, 2])[0]
    drawn = np.array(list(scores.values()))
    return _SplitSummary(
        split=folder.name,
        clips=len(files),
        people=len(people),
        tones=(int(thirds[0]), int(thirds[1]), int(thirds[2])),
        women=int(woman.sum()),
        glasses=int(glasses.sum()),
        ages=(float(age.min()), float(age.max())),
        scores=(float(drawn.mean()), float(drawn.std())) if len(drawn) else None,
    )


_ARRAYS = ("person", "tone", "female", "glasses", "age")


def _summary_table(summaries: Iterable[_SplitSummary]) -> str:
    head = (
        "| split | clips | people | skin light / medium / dark | women | glasses | age "
        "| BDI-II, mean and SD |\n|---|---|---|---|---|---|---|---|\n"
    )
    rows = [
        f"| {c.split} | {c.clips} | {c.people} | {' / '.join(map(str, c.tones))} | {c.women} "
        f"| {c.glasses} | {c.ages[0]:.0f} to {c.ages[1]:.0f} "
        f"| {f'{c.scores[0]:.1f}, {c.scores[1]:.1f}' if c.scores else 'none'} |"
        for c in summaries
    ]
    return head + "\n".join(rows)


def _slope_table(effect: float) -> str:
    head = "| quantity | change per standard deviation (12 points) | source |\n|---|---|---|\n"
    rows = [
        f"| {s.quantity} | {effect * s.slope:+.3g} | {s.source} |" for s in SEVERITY_SLOPES.values()
    ]
    return head + "\n".join(rows)


def _command(settings: Mapping[str, Any]) -> str:
    """Return the command that makes this corpus again, without paths."""
    words = ["depmap simulate OUT --face-model MODEL"]
    for name, value in settings.items():
        if name != "what" and value is not None:
            listed = isinstance(value, (list, tuple))
            shown = ",".join(_cell(v) for v in value) if listed else _cell(value)
            words.append(f"--{_OPTION_NAMES.get(name, name).replace('_', '-')} {shown}")
    return " ".join(words)


def _cell(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


_COHORT = """\
# Simulated cohort

Interviews of people who do not exist, in AVEC2014's layout. Made by depmap {version}:

    {command}

The same command gives the same ground truth, byte for byte, with any number of `--jobs`.

    {{split}}/{{task}}/200_1_Freeform_video.*               person 200, session 1
    {{split}}/DepressionLabels/200_1_Depression.csv       BDI-II score
    ground_truth/{{split}}/200_1_Freeform_video.npz       au, pose, gaze, cue, landmarks
    manifest.csv                                        list of all videos

{media}

## Effects of severity

{slopes}

The appearance of a face, the light, the camera and the length of a clip do not depend on severity.
Differences between people and between clips of one person are larger than the effects. Frowns and
some other action units do not depend on severity. Smiles may mask low mood.

## People

{counts}

A person has one to three sessions with related scores and is in one split only.
"""
_PORTRAITS = """\
# Simulated portraits

Faces of people who do not exist, with many combinations of action units, for training the semantic
model (`depmap train-semantics`). Made by depmap {version}:

    {command}

The same command gives the same ground truth, byte for byte, with any number of `--jobs`.

    {{split}}/Portraits/0001_1_Portraits.faces            aligned faces of up to 32 people
    ground_truth/{{split}}/0001_1_Portraits.npz           au, pose, gaze, landmarks, person

The frames were compressed as JPEG of random quality; then the code that scoring uses detected and
aligned the faces. Frames without a detected face are missing. The faces carry no information about
severity: all scores in `manifest.csv` are 0.

## People

{counts}

Each person is in one split only.
"""
_VIDEOS = "The videos are H.264 of random quality, from good to poor."
_FACES = """\
Instead of videos there are prepared faces (`*.faces`): evenly sampled frames of each clip were
compressed as JPEG of random quality; then the code that scoring uses detected and aligned the
faces. `depmap train` reads these folders directly."""
_NULL = """\
None: this is a null cohort (`--effect 0`). A sound method finds no relation to severity in it."""
_LIMITS = """
## Limits

The faces are rendered and follow a simple model of behaviour. A relation to severity that is
learned here reflects this model and is no finding about real people. Face geometry: ICT-FaceKit
(USC Institute for Creative Technologies, MIT licence).
"""
