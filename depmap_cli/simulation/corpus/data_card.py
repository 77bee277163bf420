"""The data card of a simulated corpus: what it is, how it was made, who is in it, its limits."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from depmap_cli import __version__
from depmap_cli.data.ground_truth import FOLDER
from depmap_cli.io.atomic_files import atomic_write
from depmap_cli.simulation.behaviour.severity_slopes import SLOPES

CARD = "README.md"
_OPTIONS = {"frames": "portraits"}
"""Options of the command whose name is not that of the setting."""


@dataclass(frozen=True, kw_only=True)
class _Counted:
    """One split."""

    split: str
    clips: int
    people: int
    tones: tuple[int, int, int]  # people with light, middle and dark skin
    women: int
    glasses: int
    ages: tuple[float, float]
    scores: tuple[float, float] | None  # mean and standard deviation; None without severity


def write_card(out: Path, settings: Mapping[str, Any]) -> None:
    """Describe the corpus in ``out`` from its ground truth."""
    counted = [_count(folder) for folder in sorted((out / FOLDER).iterdir(), key=_order)]
    text = _PORTRAITS if settings["what"] == "portraits" else _COHORT
    effect = float(settings.get("effect", 1))
    body = text.format(
        version=__version__,
        command=_command(settings),
        slopes=_slopes(effect) if effect else _NULL,
        counts=_counts(counted),
        sessions=_FACES if settings.get("faces") else _VIDEOS,
    )
    with atomic_write(out / CARD) as aside:
        aside.write_text(body + _LIMITS)


def _order(folder: Path) -> int:
    return ("Training", "Development", "Testing").index(folder.name)


def _count(folder: Path) -> _Counted:
    """Who is in one split, each person counted once."""
    people: dict[int, tuple[float, bool, bool, float]] = {}
    scores: dict[tuple[int, int], float] = {}
    files = sorted(folder.glob("[!.]*.npz"))
    for path in files:
        with np.load(path, allow_pickle=False) as truth:
            columns = [np.atleast_1d(truth[n]).tolist() for n in _COLUMNS]
            for number, *looks in zip(*columns, strict=True):
                people[number] = (looks[0], looks[1], looks[2], looks[3])
            if "bdi" in truth:
                scores[int(truth["person"]), int(truth["session"])] = float(truth["bdi"])
    tone, woman, glasses, age = (np.array(column) for column in zip(*people.values(), strict=True))
    thirds = np.histogram(tone, bins=[-1, 1 / 3, 2 / 3, 2])[0]
    drawn = np.array(list(scores.values()))
    return _Counted(
        split=folder.name,
        clips=len(files),
        people=len(people),
        tones=(int(thirds[0]), int(thirds[1]), int(thirds[2])),
        women=int(woman.sum()),
        glasses=int(glasses.sum()),
        ages=(float(age.min()), float(age.max())),
        scores=(float(drawn.mean()), float(drawn.std())) if len(drawn) else None,
    )


_COLUMNS = ("person", "tone", "female", "glasses", "age")


def _counts(counted: Iterable[_Counted]) -> str:
    head = (
        "| split | clips | people | skin light / middle / dark | women | glasses | age "
        "| BDI-II, mean and sd |\n|---|---|---|---|---|---|---|---|\n"
    )
    rows = [
        f"| {c.split} | {c.clips} | {c.people} | {' / '.join(map(str, c.tones))} | {c.women} "
        f"| {c.glasses} | {c.ages[0]:.0f} to {c.ages[1]:.0f} "
        f"| {f'{c.scores[0]:.1f}, {c.scores[1]:.1f}' if c.scores else 'none'} |"
        for c in counted
    ]
    return head + "\n".join(rows)


def _slopes(effect: float) -> str:
    head = "| acts on | a standard deviation (12 points) adds | after |\n|---|---|---|\n"
    rows = [f"| {s.of} | {effect * s.size:+.3g} | {s.source} |" for s in SLOPES.values()]
    return head + "\n".join(rows)


def _command(settings: Mapping[str, Any]) -> str:
    """The options that make this corpus again; no paths."""
    words = ["depmap simulate OUT --face-model MODEL"]
    for name, value in settings.items():
        if name != "what" and value is not None:
            listed = isinstance(value, (list, tuple))
            shown = ",".join(_cell(v) for v in value) if listed else _cell(value)
            words.append(f"--{_OPTIONS.get(name, name).replace('_', '-')} {shown}")
    return " ".join(words)


def _cell(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


_COHORT = """\
# A simulated cohort

Interviews of people who do not exist, in AVEC2014's layout. Made by depmap {version}:

    {command}

The same command gives the same ground truth, to the byte, with any `--jobs`.

    {{split}}/{{task}}/200_1_Freeform_video.*               200 = person, 1 = session
    {{split}}/DepressionLabels/200_1_Depression.csv       one whole number
    ground_truth/{{split}}/200_1_Freeform_video.npz       au, pose, gaze, cue, landmarks
    manifest.csv                                        all recordings

{sessions}

## What severity acts on

{slopes}

Nothing in a face's looks, its light, the camera or the clip's length depends on it. Differences
between people and between their recordings are larger; frowns, other action units and plain smiles
distract; smiles may mask.

## Who is in it

{counts}

A person has one to three sessions with related scores and is in one split only.
"""
_PORTRAITS = """\
# Simulated portraits

Faces of people who do not exist, in many combinations of action units, for training the semantic
model (`depmap train-semantics`). Made by depmap {version}:

    {command}

The same command gives the same ground truth, to the byte, with any `--jobs`.

    {{split}}/Portraits/0001_1_Portraits.faces            aligned faces of up to 32 people
    ground_truth/{{split}}/0001_1_Portraits.npz           au, pose, gaze, landmarks, person

The faces were found and aligned by the code that scoring uses, after JPEG of random quality; where
none was found there is none. They carry no severity: the score in `manifest.csv` is 0 throughout.

## Who is in it

{counts}

Every person is new and in one split only.
"""
_VIDEOS = "Videos are H.264 of random quality, from good to poor."
_FACES = """\
In place of videos (`*.faces`) there are faces of frames spread over each, found and aligned by the
code that scoring uses, after JPEG of random quality. `depmap train` reads them as they are."""
_NULL = "Nothing: this is a null cohort (`--effect 0`), in which an honest method finds nothing."
_LIMITS = """
## Limits

Rendered faces with a simple model of behaviour. What is learned here about severity is what this
model says, and no finding about people. Face geometry: ICT-FaceKit (USC Institute for Creative
Technologies, MIT licence).
"""
