"""`depmap calibrate`: intervals that rest on the user's own data."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from depmap_cli.data.corpus import of_split
from depmap_cli.errors import DataInvalid, UsageProblem
from depmap_cli.io.checkpoint import halved, load_checkpoint, save_checkpoint
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.training.export import calibration
from depmap_cli.training.leakage import training_people_in
from depmap_cli.workflows.evaluate import EvaluateOptions, score_clips, stored_half_width


def run_calibration(
    options: EvaluateOptions, output: Path, told: ProgressCallback
) -> tuple[int, int, float]:
    """A copy of the weights whose intervals rest on the residuals of this split's people.

    People whom the weights were trained on are left out. It looks at as many frames as those
    residuals are of. All of a person's residuals are kept; together they count as one
    (``conformal.half_width``).

    Returns how many people it was, how many were left out, and the half width of 90 % intervals
    (infinite below 9 people).

    Raises:
        UsageProblem: ``output`` is the weights file itself, or the split is Testing.
        DataInvalid: the weights were trained on all of the split's people.
        DepmapError: whatever is wrong with data or weights.
    """
    if options.split == "Testing":
        raise UsageProblem(
            "--split Testing: it is for figures, never for choosing or fitting",
            "calibrate on Development, or give people of their own that split",
        )
    networks = options.networks(options.weights)
    if output.resolve() == networks.path.resolve():
        raise UsageProblem(f"--out {output.name}: the weights themselves", "choose another name")
    videos, _ = options.source.read()
    chosen = of_split(videos, options.split)
    known = training_people_in(networks.document, chosen)
    chosen = [r for r in chosen if r.subject not in known]
    if not chosen:
        raise DataInvalid(
            f"the weights were trained on everybody in {options.split}: their residuals are too "
            "small to calibrate on",
            "take people whom the weights never saw",
        )
    clips, estimates = score_clips(networks, chosen, options, told)
    found = np.array([e.score for e in estimates])
    checkpoint = load_checkpoint(networks.path, "depmap")
    source = f"{options.source.data.resolve().name}, {options.split}"
    stored = calibration([c.video for c in clips], found, source, known)
    sampling = networks.sampling.model_copy(update={"frames": options.frames_of(networks)})
    document: dict[str, Any] = {
        **checkpoint.document,
        "sampling": sampling.model_dump(mode="json"),
        "calibration": stored,
    }
    for name in ("format", "kind"):
        document.pop(name)
    save_checkpoint(output, "depmap", document, _as_measured(checkpoint.tensors))
    return len(set(stored["people"])), len(known), stored_half_width(document) or float("inf")


def _as_measured(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """In half precision where they are in it already; residuals would not be those of others."""
    small = halved(tensors)
    same = all(torch.equal(small[name].to(t.dtype), t) for name, t in tensors.items())
    return small if same else tensors
