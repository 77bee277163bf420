"""Measure whether the heat maps of key frames point at the region that acts, on rendered faces.

    python -m benchmarks.heat_maps --face-model ict_face.npz [--weights FILE] [--people 40]

Each person is rendered from the front with a neutral face, and with one region acting: brows, eyes
or mouth corners. The heat map shows the difference from the usual face, here the neutral one. LOG
L79 has the maps of prototypes, which are no longer made.

Prints the share of faces whose hottest point lies in the acting region, with a 95 % interval over
people; beside it two kinds of chance: the region's share of the face, and the share for the heat
map of the same person's neutral face, which a map that always points at one place reaches as well.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.domain.landmarks import five_points
from depmap_cli.evaluation.bootstrap import PeopleBootstrap
from depmap_cli.evaluation.results import Bootstrap, Metric
from depmap_cli.faces.align import TEMPLATE, align_face, similarity_transform
from depmap_cli.runtime.devices import resolve_device
from depmap_cli.scoring.key_frames import key_picture, usual_face
from depmap_cli.simulation.corpus.random_streams import RandomPurpose, random_stream
from depmap_cli.simulation.rendering.renderer_api import FaceModelRenderer, RendererApi
from depmap_cli.weights.loading import Networks, load_networks

REGIONS = {
    "brows": tuple(range(17, 27)),
    "eyes": tuple(range(36, 48)),
    "mouth corners": (48, 54),
}
"""Landmarks of Multi-PIE around which each region lies."""
RADIUS = 0.08
"""Distance from a landmark up to which a point lies in its region, as a share of the face's side:
a fifth of the distance between the eyes."""
ACTIONS = {
    "brows raised": (("AU1", "AU2"), "brows"),
    "brows lowered": (("AU4",), "brows"),
    "eyes closed": (("AU43",), "eyes"),
    "smile": (("AU12",), "mouth corners"),
    "mouth corners down": (("AU15",), "mouth corners"),
}
"""Action units at full intensity, and the region in which they act."""
SIDE = 128
PICTURE_SIDE = 256
_COLUMN = {unit.code: i for i, unit in enumerate(ACTION_UNITS)}
_NEUTRAL = "neutral"


@dataclass(frozen=True, kw_only=True)
class RenderedFace:
    """An aligned face with one action."""

    person: int
    action: str  # of ``ACTIONS``, or neutral
    face: np.ndarray  # (side, side, 3) RGB uint8
    landmarks: np.ndarray  # (68, 2) column and row in pixels of ``face``


HeatMap = Callable[[RenderedFace], np.ndarray]
"""A face -> its heat map (side, side)."""


def rendered_faces(renderer: RendererApi, n_people: int, seed: int) -> list[RenderedFace]:
    """Render every person with a neutral face and with each action."""
    faces = []
    for number in range(n_people):
        appearance = random_stream(seed, RandomPurpose.APPEARANCE, number)
        person = renderer.person(int(appearance.integers(1 << 30)))
        scene = random_stream(seed, RandomPurpose.SCENE, number)
        frames = renderer.frame_renderer(person, scene, PICTURE_SIDE)
        for action, units in {_NEUTRAL: (), **{a: u for a, (u, _) in ACTIONS.items()}}.items():
            intensities = np.zeros(len(ACTION_UNITS))
            intensities[[_COLUMN[unit] for unit in units]] = 1.0
            frame = frames.render(intensities, np.zeros(3), np.zeros(2))
            five = five_points(frame.landmarks)
            transform = similarity_transform(five, TEMPLATE * SIDE)
            faces.append(
                RenderedFace(
                    person=number,
                    action=action,
                    face=align_face(frame.image, five, SIDE),
                    landmarks=frame.landmarks @ transform[:, :2].T + transform[:, 2],
                )
            )
    return faces


def region_mask(landmarks: np.ndarray, region: str) -> np.ndarray:
    """Whether each pixel (side, side) of an aligned face lies in a region."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    points = landmarks[list(REGIONS[region])]
    distance = np.hypot(columns[..., None] - points[:, 0], rows[..., None] - points[:, 1])
    mask: np.ndarray = (distance <= RADIUS * SIDE).any(-1)
    return mask


@dataclass(frozen=True, kw_only=True)
class Hits:
    """How often the hottest point lies in the acting region, over people."""

    action: str
    acting: Metric
    neutral: float  # for the heat map of the neutral face
    area: float  # of the region, as a share of the face


def hits_of(faces: Sequence[RenderedFace], heat_map: HeatMap) -> list[Hits]:
    """Return the hits of each action, and those of all actions together."""
    hottest = {(f.person, f.action): heat_map(f) for f in faces}
    table = []  # person, action, hit, hit of the neutral face, area
    for face in faces:
        if face.action == _NEUTRAL:
            continue
        mask = region_mask(face.landmarks, ACTIONS[face.action][1])
        hits = [
            bool(mask.flat[hottest[face.person, action].argmax()])
            for action in (face.action, _NEUTRAL)
        ]
        table.append((face.person, face.action, *hits, mask.mean()))
    return [
        _hits(action, [row for row in table if action in (row[1], "all")])
        for action in (*ACTIONS, "all")
    ]


def _hits(action: str, rows: Sequence[tuple]) -> Hits:
    people, _, acting, neutral, area = (np.array(column) for column in zip(*rows, strict=True))
    sample = PeopleBootstrap(people, Bootstrap())
    return Hits(
        action=action,
        acting=sample.share(sample.means(acting.astype(float))[0]),
        neutral=float(neutral.mean()),
        area=float(area.mean()),
    )


def report_heat_map(networks: Networks, faces: Sequence[RenderedFace]) -> HeatMap:
    """The heat map that a report shows of a key frame."""
    usual = {
        face.person: usual_face(networks, face.face[None], np.full((1, 3), np.nan))
        for face in faces
        if face.action == _NEUTRAL
    }
    return lambda face: key_picture(networks, face.face, usual[face.person]).heat


def main() -> None:
    """Print one line for each action."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--face-model", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--seed", type=int, default=901)
    args = parser.parse_args()
    renderer = FaceModelRenderer(args.face_model)
    renderer.check()
    networks = load_networks(args.weights, resolve_device("cpu"))
    faces = rendered_faces(renderer, args.people, args.seed)
    print(f"{args.people} people; hottest point in the acting region (95 % interval)")
    print(f"{'action':31} {'acting face':>22} {'neutral face':>14} {'area':>6}")
    for hits in hits_of(faces, report_heat_map(networks, faces)):
        ends = (
            f"({hits.acting.low:.2f} to {hits.acting.high:.2f})"
            if hits.acting.low is not None
            else ""
        )
        share = f"{hits.acting.value:.2f} {ends}"
        print(f"{hits.action:31} {share:>22} {hits.neutral:14.2f} {hits.area:6.2f}")


if __name__ == "__main__":
    main()
