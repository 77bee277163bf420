"""Turns decoded frames into pictures with their true shape: square pixels, upright, progressive.

The shape of the pixels comes from the container if it differs from that in the stream, otherwise
from each frame, so it may change on the way, as may the size. The display matrix of each frame says
how it is turned or mirrored.
"""

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.filter import Graph
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

MAX_WORKING_SIDE = 1280
"""Longest side of the pictures in pixels; larger video is scaled down."""
_MAX_PIXEL_ASPECT = 10
"""Ratio of the sides of a pixel from which it is not plausible and ignored."""


class Deinterlacer:
    """Passes frames on in order; from the first interlaced one on, through FFmpeg's ``yadif``.

    It then holds one frame back, because it needs the next one.
    """

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._layout: tuple[int, int, str] | None = None

    @property
    def is_active(self) -> bool:
        """Whether the frame added last is deinterlaced."""
        return self._graph is not None

    def add(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        """Add a frame, and yield the frames that are ready."""
        if self._graph is None and not frame.interlaced_frame:
            yield frame
            return
        layout = (frame.width, frame.height, frame.format.name)
        if layout != self._layout:
            yield from self.finish()
        self._layout = layout
        try:
            self._graph = self._graph or _deinterlacing_graph(frame)
            self._graph.push(frame)
        except av.error.FFmpegError:  # a pixel format that it cannot filter
            self._graph = None
            yield frame
        yield from self._ready()

    def finish(self) -> Iterator[VideoFrame]:
        """Yield the frames that are held back; the next frame starts anew."""
        if self._graph is not None:
            self._graph.push(None)
        yield from self._ready()
        self._graph = None

    def _ready(self) -> Iterator[VideoFrame]:
        while self._graph is not None:
            try:
                yield self._graph.vpull()
            except av.error.FFmpegError:  # it needs more frames, or has ended
                return


def _deinterlacing_graph(frame: VideoFrame) -> Graph:
    return _graph(frame, ("yadif", "mode=send_frame:deint=interlaced"))


def _graph(frame: VideoFrame, *filters: tuple[str, str]) -> Graph:
    """Build a chain of filters for frames like ``frame``; the time base is kept."""
    graph = Graph()
    graph.threads = 1
    source = graph.add_buffer(
        width=frame.width,
        height=frame.height,
        format=frame.format,
        time_base=frame.time_base or Fraction(1, 1000),
    )
    graph.link_nodes(source, *(graph.add(*f) for f in filters), graph.add("buffersink"))
    graph.configure()
    return graph


class PictureMaker:
    """Converts frames to RGB pictures of at most ``MAX_WORKING_SIDE`` pixels."""

    def __init__(self, stream: VideoStream) -> None:
        context = stream.codec_context
        in_container, in_stream = stream.sample_aspect_ratio, context.sample_aspect_ratio
        self._aspect = in_container if in_container != in_stream else None
        self._graph: Graph | None = None
        self._layout: tuple[int, int, str] | None = None

    def picture(self, frame: VideoFrame) -> tuple[np.ndarray, float]:
        """Return the picture, (height, width, 3) uint8, and the scale.

        The scale, at most 1, is in pixels of the picture for each pixel of the video that is not
        stretched.

        Raises:
            av.error.FFmpegError: the frame cannot be converted.
        """
        layout = (frame.width, frame.height, frame.format.name)
        if self._graph is None or layout != self._layout:
            self._graph, self._layout = self._build(frame), layout
        self._graph.push(frame)
        image = np.asarray(self._graph.vpull().to_ndarray())
        scale = min(image.shape[1] / frame.width, image.shape[0] / frame.height)
        return _upright(image, frame), scale

    def _build(self, frame: VideoFrame) -> Graph:
        """Build the filters: stretch the shorter side of each pixel, then scale down to the limit.

        FFmpeg evaluates the size for each frame, because only it knows the frame's aspect ratio.
        """
        aspect = f"{float(self._aspect)}" if self._aspect else "sar"
        aspect = f"if(between({aspect},1/{_MAX_PIXEL_ASPECT},{_MAX_PIXEL_ASPECT}),{aspect},1)"
        width, height = f"iw*max(1,{aspect})", f"ih*max(1,1/{aspect})"
        scale = f"min(1,{MAX_WORKING_SIDE}/max({width},{height}))"
        sides = (f"max(1,trunc({side}*{scale}+0.5))" for side in (width, height))
        size = ":".join(f"{name}='{side}'" for name, side in zip("wh", sides, strict=True))
        return _graph(frame, ("scale", f"{size}:eval=frame:flags=bicubic"), ("format", "rgb24"))


def _upright(image: np.ndarray, frame: VideoFrame) -> np.ndarray:
    """Turn and mirror an image as the display matrix of its frame says, by multiples of 90 deg.

    The matrix is nine numbers a, b, u, c, d, v, x, y, w: the point (p, q) is shown at
    (a p + c q + x, b p + d q + y), with q downwards.
    """
    if Type.DISPLAYMATRIX not in frame.side_data:
        return image
    data = bytes(frame.side_data[Type.DISPLAYMATRIX])
    a, b, _, c, d = np.frombuffer(data, np.int32)[:5].astype(float)
    if a * d < b * c:
        image = image[::-1]
    quarter_turns = round(np.degrees(np.arctan2(b, a)) / 90)  # clockwise, as q is downwards
    return np.ascontiguousarray(np.rot90(image, -quarter_turns))
