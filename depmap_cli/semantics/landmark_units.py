"""Reads action units from the landmarks of an aligned face.

The phrases of the semantic model compare with features that are averaged over the face, which lose
where a brow is. Distances between landmarks tell it, and carry over from rendered to real faces
(measured: LOG L78). A reading is the weighted mean of both (``combined_logits``).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.semantics.landmark_regression import least_squares, with_errors
from depmap_cli.semantics.landmark_shape import shape_of

MEASURES = (
    "inner brows",
    "outer brows",
    "lids",
    "middle of the lips",
    "sides of the lips",
    "width of the mouth",
    "corners of the mouth",
    "chin",
)
"""What is measured between landmarks; ``measures_of`` says how."""


@dataclass(frozen=True)
class LandmarkUnit:
    """How an action unit is read from landmarks."""

    measures: tuple[str, ...]
    share: float  # in the logit of the unit; the rest is that of its phrase


LANDMARK_UNITS = {
    "AU1": LandmarkUnit(("inner brows",), 0.8),
    "AU2": LandmarkUnit(("inner brows", "outer brows"), 0.8),
    "AU12": LandmarkUnit(("width of the mouth", "corners of the mouth"), 0.95),
    "AU25": LandmarkUnit(("middle of the lips", "sides of the lips"), 0.35),
    "AU26": LandmarkUnit(("middle of the lips", "chin"), 0.65),
    "AU43": LandmarkUnit(("lids",), 0.35),
}
"""The units that landmarks tell better than the phrase does on real faces. For the others only
rendered faces were compared, on which the phrase is better (measured: LOG L78)."""
SLOPE = 4.0
"""Change of the logit with the intensity that is read."""
_POSE_UNIT = 10.0  # degrees


class LandmarkUnits(nn.Module):
    """Maps landmarks and head pose to the logits of action units.

    The intensity of a unit is a linear function of its measures, of pitch and yaw and their
    squares, and of products of both kinds: a nod shortens distances in the picture. Least squares
    give readings that vary less than the truth; they are stretched until they vary as much.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self) -> None:
        super().__init__()
        n_units = len(ACTION_UNITS)
        self.register_buffer("weight", torch.zeros(n_units, 4 * len(MEASURES) + 4))
        self.register_buffer("bias", torch.zeros(n_units))

    @torch.no_grad()
    def fit(
        self,
        landmarks: Float[Tensor, "n 68 2"],
        head: Float[Tensor, "n 3"],
        intensities: Float[Tensor, "n units"],
        generator: torch.Generator,
    ) -> None:
        """Fit the regressions by least squares, on landmarks with errors as those of the network.

        Args:
            landmarks: true ones, fractions of the side of the aligned face.
            head: true pitch, yaw and roll relative to the aligned face, degrees.
            intensities: true ones, 0 to 1.
            generator: draws the errors.
        """
        inputs = _inputs(measures_of(with_errors(landmarks, generator)), head.double())
        self.weight.zero_()
        self.bias.zero_()
        for row, unit in enumerate(ACTION_UNITS):
            if unit.code not in LANDMARK_UNITS:
                continue
            chosen = _inputs_of(LANDMARK_UNITS[unit.code].measures)
            truth = intensities[:, row].double()
            weight, bias = least_squares(inputs[:, chosen], truth)
            scale, half = _reduced_major_axis(truth, inputs[:, chosen] @ weight + bias)
            self.weight[row, chosen] = (weight * scale).to(self.weight)
            self.bias[row] = 0.5 + (bias - half) * scale

    def forward(
        self, landmarks: Float[Tensor, "n 68 2"], head: Float[Tensor, "n 3"]
    ) -> Float[Tensor, "n units"]:
        """Logits of the units; those that landmarks do not tell are meaningless.

        Args:
            landmarks: fractions of the side of the aligned face.
            head: pitch, yaw and roll relative to the aligned face, degrees; NaN if unknown.
        """
        inputs = _inputs(measures_of(landmarks), head.nan_to_num())
        logits: Tensor = SLOPE * (inputs @ self.weight.T + self.bias - 0.5)
        return logits


def measures_of(landmarks: Float[Tensor, "n 68 2"]) -> Float[Tensor, "n measures"]:
    """Distances and heights in a face, in the order of ``MEASURES``.

    Heights are above the eyes; all are in distances between the outer corners of the eyes, but for
    the opening of the lids, which is in widths of the eyes.
    """
    shape = shape_of(landmarks)

    def height(*points: int) -> Tensor:
        return -shape[:, list(points), 1].mean(1)

    def distance(a: int, b: int) -> Tensor:
        apart: Tensor = torch.linalg.vector_norm(shape[:, a] - shape[:, b], dim=1)
        return apart

    left_lids = (distance(37, 41) + distance(38, 40)) / (2 * distance(36, 39)).clamp(min=1e-3)
    right_lids = (distance(43, 47) + distance(44, 46)) / (2 * distance(42, 45)).clamp(min=1e-3)
    return torch.stack(
        [
            height(20, 21, 22, 23),
            height(17, 18, 19, 24, 25, 26),
            (left_lids + right_lids) / 2,
            distance(62, 66),
            (distance(61, 67) + distance(63, 65)) / 2,
            distance(48, 54),
            height(48, 54) - height(51, 57),
            distance(33, 8),
        ],
        dim=1,
    )


def combined_logits(
    phrase: Float[Tensor, "n units"], landmarks: Float[Tensor, "n units"]
) -> Float[Tensor, "n units"]:
    """Logits of the units from those of their phrases and those that landmarks tell."""
    shares = [
        LANDMARK_UNITS[unit.code].share if unit.code in LANDMARK_UNITS else 0.0
        for unit in ACTION_UNITS
    ]
    return torch.lerp(phrase, landmarks.to(phrase), torch.tensor(shares).to(phrase))


def _reduced_major_axis(
    truth: Float[Tensor, " n"], read: Float[Tensor, " n"]
) -> tuple[Tensor, Tensor]:
    """By which factor readings vary less than the truth, and what is read of half an intensity."""
    slope = ((truth - truth.mean()) * read).sum() / (truth - truth.mean()).square().sum()
    half = read.mean() + slope * (0.5 - truth.mean())
    return slope.clamp(min=0.05).rsqrt(), half


def _inputs(
    measures: Float[Tensor, "n measures"], head: Float[Tensor, "n 3"]
) -> Float[Tensor, "n inputs"]:
    """Measures, their products with pitch, its square and the square of yaw, then the pose."""
    pose = head[:, :2] / _POSE_UNIT
    pitch, yaw = pose[:, :1], pose[:, 1:]
    products = [measures * pitch, measures * pitch.square(), measures * yaw.square()]
    return torch.cat([measures, *products, pose, pose.square()], 1)


def _inputs_of(measures: tuple[str, ...]) -> list[int]:
    """The columns of ``_inputs`` that a unit with these measures uses."""
    count = len(MEASURES)
    of_measures = [k * count + MEASURES.index(name) for k in range(4) for name in measures]
    return [*of_measures, *range(4 * count, 4 * count + 4)]
