"""The overlay: a video of the recording with face, action units, directions and traces drawn in."""

from depmap_cli.report.overlay.write import OVERLAY, has_overlay, write_overlay

__all__ = ["OVERLAY", "has_overlay", "write_overlay"]
