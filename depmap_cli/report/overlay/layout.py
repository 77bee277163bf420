"""Where the parts of the overlay are: sizes and positions in pixels.

The header is on top. Below it are the picture on the left and the panel with bars on the right,
then the traces, then the footer with the disclaimer.
"""

from dataclasses import dataclass

MOST_WIDE, MOST_HIGH = 640, 540
"""Largest picture; the overlay is then 940 pixels wide, and with six traces 822 high."""
LEAST_WIDE, LEAST_HIGH = 340, 366
"""Smallest area for the picture, so that panel and text fit beside narrow or flat videos."""
PANEL_WIDTH, HEADER_HEIGHT, FOOTER_HEIGHT = 300, 30, 54
LANE_HEIGHT, LANES_MARGIN = 32, 6
MARGIN = 10


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle: left, top, width and height."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column to the right of it."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row below it."""
        return self.y + self.height


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The parts of an overlay. Width and height are even, as yuv420p requires."""

    width: int
    height: int
    picture: Box  # area for the picture
    panel: Box
    lanes: Box
    footer: Box


@dataclass(frozen=True)
class Placement:
    """Where a frame is shown, and the pixels of the overlay for one pixel of the video."""

    box: Box
    scale: float


def layout_of(video_width: float, video_height: float, n_lanes: int) -> Layout:
    """Lay out the overlay of a video of this size, in pixels, with room for ``n_lanes`` traces."""
    wide, high = _fitted(video_width, video_height, MOST_WIDE, MOST_HIGH)
    area = Box(x=0, y=HEADER_HEIGHT, width=max(wide, LEAST_WIDE), height=max(high, LEAST_HIGH))
    width = _even(area.width + PANEL_WIDTH)
    lanes = Box(x=0, y=area.bottom + LANES_MARGIN, width=width, height=n_lanes * LANE_HEIGHT)
    height = _even(lanes.bottom + FOOTER_HEIGHT)
    return Layout(
        width=width,
        height=height,
        picture=area,
        panel=Box(x=area.right, y=HEADER_HEIGHT, width=width - area.right, height=area.height),
        lanes=lanes,
        footer=Box(x=0, y=lanes.bottom, width=width, height=height - lanes.bottom),
    )


def placement_of(area: Box, video_width: float, video_height: float) -> Placement:
    """Place a frame of a video of this size, in pixels, in the middle of ``area``.

    The shape of the frame is kept, also if it is not that of the first frame.
    """
    wide, high = _fitted(video_width, video_height, area.width, area.height)
    wide, high = min(wide, area.width), min(high, area.height)
    x, y = area.x + (area.width - wide) // 2, area.y + (area.height - high) // 2
    return Placement(Box(x=x, y=y, width=wide, height=high), wide / video_width)


def _fitted(width: float, height: float, most_wide: int, most_high: int) -> tuple[int, int]:
    scale = min(most_wide / width, most_high / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _even(length: int) -> int:
    return length + length % 2
