"""`depmap calibrate`: recalibrate prediction intervals on the user's own data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from depmap_cli.data.corpus import of_split
from depmap_cli.errors import DataInvalid, UsageProblem
from depmap_cli.io.checkpoint import Checkpoint, halved, load_checkpoint, save_checkpoint
from depmap_cli.io.clean_text import clean
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.stats.conformal import DEFAULT_COVERAGE, half_widths
from depmap_cli.training.export import calibration
from depmap_cli.training.leakage import training_people_in
from depmap_cli.workflows.evaluate import EvaluateOptions, score_clips


@dataclass(frozen=True, kw_only=True)
class CalibrationResult:
    """Whose residuals the intervals now use, and how wide they are."""

    n_people: int
    n_left_out: int  # people that the weights were trained on
    half_width: float  # of 90 % intervals, BDI-II points, mean; infinite below 9 people


def run_calibration(
    options: EvaluateOptions, output: Path, on_progress: ProgressCallback
) -> CalibrationResult:
    """Write a copy of the weights whose prediction intervals use the residuals of one split.

    People that the weights were trained on are left out. The residuals are those of estimates from
    as many frames as the copy will score. All residuals of a person are kept; together they count
    as one (``conformal.half_width``). How the error depends on the estimate is known from the
    people on whom the weights were selected, if the weights say so.

    Raises:
        UsageProblem: ``output`` is the weights file itself, or the split is Testing.
        DataInvalid: the weights were trained on all people of the split.
        DepmapError: something else is wrong with the data or weights.
    """
    if options.split == "Testing":
        raise UsageProblem(
            "--split Testing: it is for evaluation, never for selection or calibration",
            "calibrate on Development, or put other people in that split",
        )
    networks = options.networks(options.weights)
    if output.resolve() == networks.path.resolve():
        raise UsageProblem(
            f"--out {clean(str(output))}: this is the weights file itself", "choose another name"
        )
    videos, _ = options.source.read()
    videos = of_split(videos, options.split)
    known = training_people_in(networks.document, videos)
    videos = [video for video in videos if video.subject not in known]
    if not videos:
        raise DataInvalid(
            f"the weights were trained on everyone in {options.split}: their residuals are too "
            "small for calibration",
            "calibrate on people that the weights were not trained on",
        )
    clips, estimates = score_clips(networks, videos, options, on_progress)
    stored = calibration(
        [clip.video for clip in clips],
        np.array([estimate.score for estimate in estimates]),
        f"{options.source.data.resolve().name}, {options.split}",
        known,
        (networks.document.get("calibration") or {}).get("typical_errors"),
    )
    sampling = networks.sampling.model_copy(update={"frames": options.frames_of(networks)})
    changes = {"sampling": sampling.model_dump(mode="json"), "calibration": stored}
    rounded = np.array(stored["estimates"])
    _save_copy(load_checkpoint(networks.path, "depmap"), changes, output)
    return CalibrationResult(
        n_people=len(set(stored["people"])),
        n_left_out=len(known),
        half_width=float(half_widths(stored, rounded, DEFAULT_COVERAGE).mean()),
    )


def _save_copy(checkpoint: Checkpoint, changes: dict[str, Any], output: Path) -> None:
    """Save the weights with a changed document."""
    document = {**checkpoint.document, **changes}
    for name in ("format", "kind"):
        document.pop(name)
    save_checkpoint(output, "depmap", document, _in_stored_precision(checkpoint.tensors))


def _in_stored_precision(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors in half precision if no value changes, else as they are.

    The residuals must be those of the weights that are saved.
    """
    half = halved(tensors)
    same = all(torch.equal(half[name].to(t.dtype), t) for name, t in tensors.items())
    return half if same else tensors
