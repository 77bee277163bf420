"""The overlay's parts: even sides, at most 960 pixels, nothing outside and nothing overlapping."""

import pytest

from depmap_cli.report.overlay.layout import layout_of, placement_of

SHAPES = [(256, 256), (1920, 1080), (720, 1364), (333, 251), (4000, 10), (10, 4000), (1, 1)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("lanes", [2, 6])
def test_any_video_fits(shape, lanes):
    layout = layout_of(*shape, lanes)
    assert layout.width % 2 == layout.height % 2 == 0
    assert max(layout.width, layout.height) <= 960
    parts = (layout.picture, layout.panel, layout.lanes, layout.footer)
    for part in parts:
        assert part.x >= 0
        assert part.y >= 0
        assert part.right <= layout.width
        assert part.bottom <= layout.height
    assert layout.panel.x >= layout.picture.right
    assert layout.lanes.y >= max(layout.picture.bottom, layout.panel.bottom)
    assert layout.footer.y >= layout.lanes.bottom


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("later", SHAPES)
def test_each_frame_keeps_its_shape_inside_the_area(shape, later):
    area = layout_of(*shape, 6).picture
    placement = placement_of(area, *later)
    box = placement.box
    assert area.x <= box.x < box.right <= area.right
    assert area.y <= box.y < box.bottom <= area.bottom
    assert box.width == max(1, round(later[0] * placement.scale))
    assert abs(box.height - max(1, later[1] * placement.scale)) <= 1 + later[1] / later[0]


def test_a_video_of_640_x_360_is_shown_pixel_by_pixel():
    placement = placement_of(layout_of(640, 360, 6).picture, 640, 360)
    assert placement.scale == 1
    assert (placement.box.width, placement.box.height) == (640, 360)
