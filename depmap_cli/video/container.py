"""Opens a video file with PyAV, and chooses the video stream that is read.

The format is recognised by the content of a file, not by its ending. Only formats that hold video
are opened, and only local files: a playlist in a file named ``.mp4`` cannot name other files.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from depmap_cli.errors import VideoUnreadable
from depmap_cli.runtime.watchdog import heartbeat
from depmap_cli.video.limits import MAX_PIXELS, check_size

_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,asf,asf_o,flv,live_flv,kux,"
    "ogg,mxf,mxf_opatom,nut,gxf,wtv,dv,rm,swf,ivf,obu,av1,h261,h263,h264,hevc,vvc,m4v,vc1,vc1test,"
    "mjpeg,mjpeg_2000,dirac,cavsvideo,avs2,avs3,evc,yuv4mpegpipe,gif,nuv,dhav,ifv,mods,viv,vivo"
)
"""Names of FFmpeg's demuxers for files with video."""
_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": _FORMATS,
    "max_pixels": str(MAX_PIXELS),  # checked by decoders before they allocate a picture
}
_PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
"""Dispositions of streams that hold cover pictures, not the recording."""
_GUESS_TIME_STAMPS = 0x0001
"""AVFMT_FLAG_GENPTS, which PyAV sets; it guesses wrongly where frames are reordered."""
_MAX_ERRORS = 16
"""Errors in a row after which the rest of a damaged file is not read."""
_DECODER_THREADS = 2
_UNKNOWN = "unknown"


@dataclass(frozen=True)
class OpenVideo:
    """An open file and the stream that is read. Close it with ``close``."""

    container: InputContainer
    stream: VideoStream
    n_streams: int  # video streams in the file, cover pictures left out

    @property
    def codec(self) -> str:
        """Name of the codec of the stream, e.g. ``h264``."""
        return _codec_name(self.container, self.stream)

    @property
    def note(self) -> str:
        """Which stream is read, if the file has several; "" otherwise."""
        if self.n_streams < 2:
            return ""
        context = self.stream.codec_context
        return (
            f"one of {self.n_streams} video streams is read: number {self.stream.index}, "
            f"{context.width} x {context.height} px"
        )

    def packets(self, only_video: bool) -> Iterator[Packet]:
        """Yield the packets of the file from the current position on; errors are skipped.

        Args:
            only_video: leave out the packets of other streams.
        """
        errors = 0
        while errors < _MAX_ERRORS:
            try:
                for packet in self.container.demux(*((self.stream,) if only_video else ())):
                    heartbeat()
                    if packet.size:  # empty ones mark the end
                        errors = 0
                        yield packet
                return
            except IndexError:  # PyAV 18, at the end of a file in which streams were found late
                return
            except av.error.FFmpegError:
                heartbeat()
                errors += 1

    def seek(self, stamp: int) -> None:
        """Go to the last key frame at or before a time stamp, in units of the stream.

        Raises:
            av.error.FFmpegError: the format does not allow it.
        """
        self.container.seek(stamp, stream=self.stream)

    def ignore_other_streams(self) -> None:
        """Spare reading what is not decoded."""
        for stream in self.container.streams:
            if stream.index != self.stream.index:
                stream.discard = Discard.all

    def close(self) -> None:
        """Release the file."""
        self.container.close()


def open_video(path: Path) -> OpenVideo:
    """Open a local file and choose the stream that players show.

    The messages of its errors do not name the file, because callers report them beside its name.

    Raises:
        VideoUnreadable: the file is missing, empty, not a video, or its codec is unknown.
    """
    _check_file(path)
    try:
        container = av.open(
            os.path.abspath(path), options=dict(_OPTIONS), metadata_errors="replace"
        )
    except (av.error.FFmpegError, ValueError) as error:
        raise VideoUnreadable(
            "not a video that FFmpeg can read",
            "convert it, e.g. ffmpeg -i IN -c:v libx264 OUT.mp4",
        ) from error
    heartbeat()
    container.flags &= ~_GUESS_TIME_STAMPS
    try:
        return _choose_stream(container)
    except BaseException:
        container.close()
        raise


def _check_file(path: Path) -> None:
    if not os.path.exists(path):  # unlike Path.exists, never raises
        raise VideoUnreadable("no such file", "check the path and the permissions of its folders")
    if not os.path.isfile(path):
        raise VideoUnreadable("not a file", "give a video file, or a folder of videos")
    try:
        if path.stat().st_size == 0:
            raise VideoUnreadable("the file is empty", "copy the file again")
        with path.open("rb"):
            pass
    except OSError as error:
        raise VideoUnreadable(
            f"cannot be read: {error.strerror}", "check its permissions"
        ) from error


def _choose_stream(container: InputContainer) -> OpenVideo:
    """Choose the stream marked as default, or else the one with the largest picture."""
    streams = [s for s in container.streams.video if not s.disposition & _PICTURES]
    if not streams:
        raise VideoUnreadable(
            "the file contains no video stream", "check that it is not a sound recording"
        )
    decodable = [s for s in streams if s.codec_context is not None]
    if not decodable:
        raise _undecodable(_codec_name(container, streams[0]))

    def rank(stream: VideoStream) -> tuple[bool, int]:
        is_default = bool(stream.disposition & Disposition.default)
        return is_default, stream.codec_context.width * stream.codec_context.height

    stream = max(decodable, key=rank)
    context = stream.codec_context
    check_size(context.width, context.height)
    context.options = {"max_pixels": str(MAX_PIXELS)}
    context.thread_type = "AUTO"
    context.thread_count = min(_DECODER_THREADS, os.cpu_count() or 1)
    return OpenVideo(container, stream, len(streams))


def no_picture(codec: str) -> VideoUnreadable:
    """Return the error of a video of which no frame could be decoded."""
    return VideoUnreadable(
        f"the file contains no decodable image (codec: {codec})",
        "check that it is not damaged, or convert it, e.g. ffmpeg -i IN -c:v libx264 OUT.mp4",
    )


def _undecodable(codec: str) -> VideoUnreadable:
    known = codec != _UNKNOWN
    return VideoUnreadable(
        f"its video codec, {codec}, cannot be decoded" if known else "its video codec is unknown",
        "convert it, e.g. ffmpeg -i IN -c:v libx264 OUT.mp4",
    )


def _codec_name(container: InputContainer, stream: VideoStream) -> str:
    """Return the name of a codec, or the four characters in the file if FFmpeg has none."""
    if stream.codec_context is not None:
        return str(stream.codec_context.codec.canonical_name)
    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)  # the description is written to the log
    try:
        description = container.dumps_format()
    finally:
        av.logging.set_level(level)
    pattern = rf"Stream #0:{stream.index}\b.*?Video: (\w+)(?: \((\S{{4}}) /)?"
    found = re.search(pattern, description)
    name, tag = found.groups() if found else ("none", None)
    return str((tag or _UNKNOWN) if name == "none" else name)
