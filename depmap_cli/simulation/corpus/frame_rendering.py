"""Renders the frames of one clip and collects their facial landmarks."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float, Int, UInt8

from depmap_cli.simulation.rendering.renderer_api import FrameRenderer


@dataclass(frozen=True, kw_only=True)
class FrameInputs:
    """Action units, pose and gaze of the k frames that are rendered, as in ``Behaviour``."""

    au: Float[np.ndarray, "k 18"]
    pose: Float[np.ndarray, "k 3"]
    gaze: Float[np.ndarray, "k 2"]
    times: Float[np.ndarray, " k"]  # seconds from the start of the clip

    def __len__(self) -> int:
        return len(self.times)

    @classmethod
    def concatenate(cls, parts: list["FrameInputs"]) -> "FrameInputs":
        """Concatenate the frames of several clips."""
        columns = [f.name for f in fields(cls)]
        return cls(**{c: np.concatenate([getattr(p, c) for p in parts]) for c in columns})


def sampled_frames(n_frames: int, count: int) -> Int[np.ndarray, " k"]:
    """Return the frame numbers that ``depmap_cli.video`` samples if asked for ``count`` frames."""
    if count >= n_frames:
        return np.arange(n_frames)
    # Frame i lies at time i. The video reader takes the first frame that is nearer to the target
    # than the frame after it.
    targets = (np.arange(count) + 0.5) * n_frames / count
    return np.minimum(np.ceil(targets - 0.5 - 1e-6), n_frames - 1).astype(int)


def render_frames(
    frame_renderer: FrameRenderer, inputs: FrameInputs, landmarks: list[np.ndarray]
) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """Yield the rendered images in order and append their landmarks (68, 2) to the list."""
    for au, pose, gaze in zip(inputs.au, inputs.pose, inputs.gaze, strict=True):
        frame = frame_renderer.render(au, pose, gaze)
        landmarks.append(frame.landmarks)
        yield frame.image
