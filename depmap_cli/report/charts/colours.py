"""The colours of pages and charts."""

LEVEL_COLOURS = ("#d7e6ef", "#a3c6dc", "#5c97bd", "#1f567f")
"""Fill colours of the severity levels, from minimal to severe."""
LEVEL_LINES = ("#d99a1c", "#5d9e4a", "#22768a", "#41307a")
"""Colours of the levels for lines and points on white; ``LEVEL_COLOURS`` would be too pale."""
INK, MUTED, LINE, ACCENT = "#1c2733", "#5d6b78", "#d5dce2", "#b4470f"
