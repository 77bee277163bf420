"""An evaluation made by hand: people with one or two sessions of two tasks, a known error law."""

import numpy as np

from depmap_cli.evaluation.evaluate import evaluate_table
from depmap_cli.evaluation.results import About, Bootstrap, EvaluationReport, WeightsOrigin
from depmap_cli.evaluation.score_table import EvaluatedClip, TrainingFacts
from depmap_cli.results import WeightsInfo

TASKS = ("Freeform", "Northwind")
WEIGHTS = WeightsInfo(
    file="run.safetensors",
    sha256="ab" * 32,
    backbone="resnet18",
    semantics="depmap-au-resnet18 12345678",
    au_source="semantics",
    key_frames=True,
    training_data="100 videos of 28 people.",
    simulated=True,
    development={"rmse": 10.81},
)
ORIGIN = WeightsOrigin(
    network="Dep-MAP",
    started_from="the semantic model's image encoder",
    balance=0.0,
    recalibrated_on=None,
    calibration_people=28,
    training_people=28,
    known_people=28,
)
ABOUT = About(
    depmap_version="0.1.0",
    created="2026-11-25T10:00:00+00:00",
    data="simavec",
    split="Testing",
    weights=WEIGHTS,
    origin=ORIGIN,
    settings={"frames": 64},
)
TRAINING = TrainingFacts(
    mean=15.0,
    subjects=frozenset({"200", "201", "202", "203", "204", "205"}),
    known=(("200", "9", 20.0), ("201", "9", 4.0)),
    timed=tuple((task, 20.0 + 2 * s, float(s)) for task in TASKS for s in range(0, 45, 3)),
)


def some_clips(n_people: int = 24, seed: int = 1) -> list[EvaluatedClip]:
    """Scores spread over all bands; estimates lean to 15 and carry noise."""
    rng = np.random.default_rng(seed)
    clips = []
    for number in range(n_people):
        person = rng.uniform(0, 40)
        for session in range(1 + number % 2):
            score = float(np.clip(round(person + rng.normal(0, 3)), 0, 45))
            for task in TASKS:
                estimate = float(np.clip(15 + 0.5 * (score - 15) + rng.normal(0, 5), 0, 63))
                name = f"{200 + number}_{session + 1}_{task}_video.mp4"
                ids = str(200 + number), str(session + 1)
                seconds = float(np.exp(3.5 + rng.normal(0, 0.3)))
                shares = (0.4, 0.3, 0.2, 0.1)
                clips.append(
                    EvaluatedClip(
                        video=name,
                        subject=ids[0],
                        session=ids[1],
                        task=task,
                        score=score,
                        estimate=estimate,
                        duration=seconds,
                        levels=shares,
                    )
                )
    return clips


def some_report(**changes: object) -> EvaluationReport:
    """The evaluation of ``some_clips``, by a half width of 12 points."""
    options: dict = {"half_width": 12.0, "bootstrap": Bootstrap(draws=200), **changes}
    clips, about = options.pop("clips", some_clips()), options.pop("about", ABOUT)
    half_width = options.pop("half_width")
    widths = None if half_width is None else np.full(len(clips), half_width)
    return evaluate_table(clips, TRAINING, about, widths, **options)
