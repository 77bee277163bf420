# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, untyped-decorator"
"""Shades pixels: the appearance of each material under a key light, a fill light and a sky.

The compiled kernels have no annotations (numba infers their types). All colours are linear. The
kernels describe a surface by a tuple: albedo (3), gloss, squarings (sharpness of the highlight),
wrap (3), rim. Wrap lighting extends light of each colour into the shade and approximates subsurface
scattering in the skin.
"""

import math
from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Float32
from numba import njit

from depmap_cli.simulation.graphics.rasteriser import NO_TRIANGLE, FrameBuffers
from depmap_cli.simulation.graphics.triangle_mesh import Material, Mesh

_FACE, _HEAD, _MOUTH, _GUM, _TEETH, _EYE, _LASH, _HAIR, _CLOTH, _FRAME, _HAND = range(Material.LENS)
_TEXELS_PER_CM = np.float32(28.0)  # of the face tile
_SHADOW_BIAS = np.float32(0.3)  # depth tolerance of the shadow map, cm
_LID_SHADOW = np.float32(0.32)  # length of the upper lid's shadow on the eye, cm
_LIP_SHADOW = np.float32(0.9)  # length of the upper lip's shadow in the mouth, cm


class Lighting(NamedTuple):
    """Unit vectors (3,) towards the lights, and linear colours (3,)."""

    key: np.ndarray
    key_colour: np.ndarray
    fill: np.ndarray
    fill_colour: np.ndarray
    sky: np.ndarray  # ambient light from above
    ground: np.ndarray  # ambient light from below


class Surfaces(NamedTuple):
    """Textures and colours of the materials of one person; colours are linear (3,)."""

    face: np.ndarray  # (side, side, 4) albedo and gloss of the face tile
    head: np.ndarray  # (side, side, 4) albedo and gloss of the head tile
    strand_noise: np.ndarray  # (n, n), 0 to 1
    hair: np.ndarray
    lashes: np.ndarray
    cloth: np.ndarray
    iris: np.ndarray
    teeth: np.ndarray
    frame: np.ndarray
    hand: np.ndarray
    iris_radius: float  # radians from the optical axis
    pupil_radius: float
    sclera: float  # albedo
    hair_gloss: float
    cloth_pattern: int


class Geometry(NamedTuple):
    """Geometry of one frame in cm, and the scale of its pixels."""

    vertices: np.ndarray  # (v, 3)
    normals: np.ndarray  # (v, 3)
    sky_visibility: np.ndarray  # (v,) share of the sky that the person does not hide, 0 to 1
    camera_distance: float  # z of the camera
    pixels_per_cm: float
    head_axes: np.ndarray  # (3, 3) directions of the head's x, y and z axes, in columns


def shade(
    picture: Float32[np.ndarray, "h w 3"],
    buffers: FrameBuffers,
    mesh: Mesh,
    geometry: Geometry,
    surfaces: Surfaces,
    relief: Float32[np.ndarray, "side side"],
    lighting: Lighting,
    shadow_depth: Float32[np.ndarray, "n n"],
    shadow_view: Float32[np.ndarray, "3 4"],
) -> None:
    """Write the linear radiance of every pixel that shows a triangle into ``picture``.

    Args:
        picture: the image to write into; pixels without a triangle keep their values.
        buffers: the triangle at each pixel.
        mesh: the triangles.
        geometry: positions and normals of the vertices.
        surfaces: textures and colours.
        relief: height of the skin in cm by texel of the face tile (pores, furrows and folds).
        lighting: the lights.
        shadow_depth: shadow map: the depth buffer as seen from the key light.
        shadow_view: the view of the shadow map, as from ``light_view``.
    """
    _shade(
        picture,
        buffers.triangle,
        buffers.weight_b,
        buffers.weight_c,
        mesh.faces,
        mesh.material,
        mesh.uv,
        geometry,
        surfaces,
        relief,
        lighting,
        shadow_depth,
        shadow_view,
    )


def reflect(
    picture: Float32[np.ndarray, "h w 3"],
    buffers: FrameBuffers,
    lenses: Mesh,
    geometry: Geometry,
    lighting: Lighting,
    strength: float,
) -> None:
    """Blend the reflection in the lenses of glasses over the pixels that show a lens.

    ``strength`` is the reflectance of the lenses, 0 to 1.
    """
    _reflect(
        picture,
        buffers.triangle,
        buffers.weight_b,
        buffers.weight_c,
        lenses.faces,
        geometry,
        lighting,
        strength,
    )


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _reflect(picture, triangle, weight_b, weight_c, faces, geometry, lighting, strength):
    vertices, normals, key = geometry.vertices, geometry.normals, lighting.key
    for y in range(triangle.shape[0]):
        for x in range(triangle.shape[1]):
            f = triangle[y, x]
            if f == NO_TRIANGLE:
                continue
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            wb, wc = weight_b[y, x], weight_c[y, x]
            nx, ny, nz = _between(normals, a, b, c, 1 - wb - wc, wb, wc)
            normal = _unit(nx, ny, nz)
            px, py, pz = _between(vertices, a, b, c, 1 - wb - wc, wb, wc)
            view = _unit(-px, -py, geometry.camera_distance - pz)
            towards = 2 * (normal[0] * view[0] + normal[1] * view[1] + normal[2] * view[2])
            mx, my = towards * normal[0] - view[0], towards * normal[1] - view[1]
            mz = towards * normal[2] - view[2]
            lamp = 3.0 * _smooth_step(0.88, 0.96, mx * key[0] + my * key[1] + mz * key[2])
            for k in range(3):
                room = lighting.sky[k] * (0.25 + 0.75 * _smooth_step(0.05, 0.25, my))
                seen = room + lamp * lighting.key_colour[k]
                picture[y, x, k] = picture[y, x, k] * (1 - strength) + strength * seen


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _smooth_step(low, high, x):
    t = min(max((x - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _unit(x, y, z):
    inverse = 1.0 / (math.sqrt(x * x + y * y + z * z) + 1e-9)
    return x * inverse, y * inverse, z * inverse


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _between(values, a, b, c, wa, wb, wc):
    """Interpolate a vector between the three corners of a triangle."""
    return (
        wa * values[a, 0] + wb * values[b, 0] + wc * values[c, 0],
        wa * values[a, 1] + wb * values[b, 1] + wc * values[c, 1],
        wa * values[a, 2] + wb * values[b, 2] + wc * values[c, 2],
    )


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _texel(side, u, v):
    """Return the upper left of the four texels around (u, v), and the offset from its centre."""
    x = min(max(u * side - 0.5, 0.0), side - 1.001)
    y = min(max((1.0 - v) * side - 0.5, 0.0), side - 1.001)
    column, row = int(x), int(y)
    return row, column, y - row, x - column


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _sample_skin(texture, u, v):
    """Sample albedo and gloss with bilinear interpolation."""
    j, i, b, a = _texel(texture.shape[0], u, v)
    w00, w01, w10, w11 = (1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b
    top, bottom = texture[j], texture[j + 1]
    return (
        top[i, 0] * w00 + top[i + 1, 0] * w01 + bottom[i, 0] * w10 + bottom[i + 1, 0] * w11,
        top[i, 1] * w00 + top[i + 1, 1] * w01 + bottom[i, 1] * w10 + bottom[i + 1, 1] * w11,
        top[i, 2] * w00 + top[i + 1, 2] * w01 + bottom[i, 2] * w10 + bottom[i + 1, 2] * w11,
        top[i, 3] * w00 + top[i + 1, 3] * w01 + bottom[i, 3] * w10 + bottom[i + 1, 3] * w11,
    )


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _slope(relief, u, v):
    """Return the slope of the skin along x and y, and its height relative to smooth skin (cm)."""
    j, i, b, a = _texel(relief.shape[0], u, v)
    h00, h01, h10, h11 = relief[j, i], relief[j, i + 1], relief[j + 1, i], relief[j + 1, i + 1]
    along_x = (h01 - h00) * (1 - b) + (h11 - h10) * b
    along_y = (h00 - h10) * (1 - a) + (h01 - h11) * a
    height = (h00 * (1 - a) + h01 * a) * (1 - b) + (h10 * (1 - a) + h11 * a) * b
    return along_x * _TEXELS_PER_CM, along_y * _TEXELS_PER_CM, height


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _tilt(normal, axes, along_x, along_y):
    """Return the normal of a surface that rises along the head's x and y axes."""
    return _unit(
        normal[0] - along_x * axes[0, 0] - along_y * axes[0, 1],
        normal[1] - along_x * axes[1, 0] - along_y * axes[1, 1],
        normal[2] - along_x * axes[2, 0] - along_y * axes[2, 1],
    )


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _eye(surfaces, u, v):
    """Return the surface of sclera, iris or pupil at the angle (u, v) from the optical axis."""
    off_axis = math.sqrt(u * u + v * v)
    white = surfaces.sclera
    redness = 0.30 * _smooth_step(0.6, 1.2, off_axis)
    red, green, blue = white, white * (0.94 - redness), white * (0.90 - redness)
    edge = surfaces.iris_radius
    inside = _smooth_step(edge + 0.03, edge - 0.05, off_axis)
    if inside > 0:
        side = surfaces.strand_noise.shape[0]
        angle = int((math.atan2(v, u) + 4) * 60)
        fibre = (
            0.75 + 0.5 * surfaces.strand_noise[int(off_axis * 60) & (side - 1), angle & (side - 1)]
        )
        limbus = 1 - 0.7 * _smooth_step(edge - 0.16, edge, off_axis)
        open_iris = _smooth_step(surfaces.pupil_radius, surfaces.pupil_radius + 0.04, off_axis)
        k = inside * fibre * limbus * open_iris
        red = red * (1 - inside) + k * surfaces.iris[0]
        green = green * (1 - inside) + k * surfaces.iris[1]
        blue = blue * (1 - inside) + k * surfaces.iris[2]
    return red, green, blue, 0.7, 8, 0.3, 0.25, 0.25, 0.0


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _strand(surfaces, u, v):
    side = surfaces.strand_noise.shape[0]
    return surfaces.strand_noise[int(v * side) & (side - 1), int(u * side) & (side - 1)]


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _cloth(surfaces, u, v):
    colour = surfaces.cloth
    k = 0.9 + 0.2 * _strand(surfaces, u, v)
    if surfaces.cloth_pattern == 1:  # stripes across
        k *= 1.0 - 0.45 * _smooth_step(0.3, 0.4, abs(v * 6 - math.floor(v * 6) - 0.5))
    elif surfaces.cloth_pattern == 2:  # checks
        k *= 1.0 - 0.3 * _smooth_step(0.3, 0.35, abs(v * 4 - math.floor(v * 4) - 0.5))
        k *= 1.0 - 0.3 * _smooth_step(0.3, 0.35, abs(u * 4 - math.floor(u * 4) - 0.5))
    return colour[0] * k, colour[1] * k, colour[2] * k, 0.02, 3, 0.1, 0.1, 0.1, 0.05


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _surface(material, surfaces, u, v):
    """Return the surface of a material other than skin."""
    if material == _EYE:
        return _eye(surfaces, u, v)
    if material == _TEETH:
        c = surfaces.teeth
        return c[0], c[1], c[2], 0.12, 5, 0.3, 0.3, 0.3, 0.0
    if material == _GUM:
        return 0.36, 0.10, 0.10, 0.10, 5, 0.2, 0.1, 0.1, 0.0
    if material == _MOUTH:
        return 0.13, 0.03, 0.03, 0.02, 4, 0.0, 0.0, 0.0, 0.0
    if material == _HAIR:
        k = 0.4 + 1.1 * _strand(surfaces, u, v)
        c = surfaces.hair
        return c[0] * k, c[1] * k, c[2] * k, surfaces.hair_gloss * k, 4, 0.25, 0.25, 0.25, 0.03
    if material == _CLOTH:
        return _cloth(surfaces, u, v)
    if material == _FRAME:
        c = surfaces.frame
        return c[0], c[1], c[2], 0.5, 6, 0.0, 0.0, 0.0, 0.2
    if material == _HAND:
        c = surfaces.hand
        return c[0], c[1], c[2], 0.06, 4, 0.35, 0.2, 0.15, 0.15
    c = surfaces.lashes
    return c[0], c[1], c[2], 0.0, 3, 0.0, 0.0, 0.0, 0.0


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _lit_share(shadow_depth, view, px, py, pz):
    """Return the share of key light that reaches a point, filtered over 3 x 3 shadow map texels."""
    sx = view[0, 0] * px + view[0, 1] * py + view[0, 2] * pz + view[0, 3]
    sy = view[1, 0] * px + view[1, 1] * py + view[1, 2] * pz + view[1, 3]
    sz = view[2, 0] * px + view[2, 1] * py + view[2, 2] * pz + view[2, 3] - _SHADOW_BIAS
    height, width = shadow_depth.shape
    column, row = int(sx - 1.5), int(sy - 1.5)
    if column < 0 or row < 0 or column >= width - 4 or row >= height - 4:
        return 1.0
    a, b = sx - 1.5 - column, sy - 1.5 - row
    corners = (
        int(shadow_depth[row, column] < sz)
        + int(shadow_depth[row, column + 3] < sz)
        + int(shadow_depth[row + 3, column] < sz)
        + int(shadow_depth[row + 3, column + 3] < sz)
    )
    if corners == 0 or corners == 4:  # most points are far from a shadow's edge
        return 1.0 - 0.25 * corners
    dark = 0.0
    for j in range(4):  # 3 x 3 texels with bilinear weights at the border
        wj = (1 - b) if j == 0 else (b if j == 3 else 1.0)
        for i in range(4):
            if shadow_depth[row + j, column + i] < sz:
                dark += wj * ((1 - a) if i == 0 else (a if i == 3 else 1.0))
    return 1.0 - dark / 9.0


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _shade_from_above(triangle, material, y, x, kind, reach):
    """Return the shade of overhanging skin: 1 right below it, 0 from ``reach`` pixels below."""
    steps = int(reach)
    for step in range(1, steps + 1):
        if y - step < 0 or triangle[y - step, x] == NO_TRIANGLE:
            return 0.0
        above = material[triangle[y - step, x]]
        if above in (_FACE, _LASH) or (above == _HEAD and kind != _EYE):
            return 1.0 - (step - 1.0) / reach
    return 0.0


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _highlight(normal, view, light, squarings):
    """Return the Blinn-Phong highlight with exponent 2 to the power of ``squarings``."""
    hx, hy, hz = _unit(light[0] + view[0], light[1] + view[1], light[2] + view[2])
    shine = max(normal[0] * hx + normal[1] * hy + normal[2] * hz, 0.0)
    for _ in range(squarings):
        shine *= shine
    return shine


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _hair_highlight(normal, view, light, squarings):
    """Return the highlight of strands that hang down the surface (Kajiya and Kay, 1989)."""
    tx, ty, tz = _unit(-normal[0] * normal[1], 1.0 - normal[1] * normal[1], -normal[2] * normal[1])
    hx, hy, hz = _unit(light[0] + view[0], light[1] + view[1], light[2] + view[2])
    along = tx * hx + ty * hy + tz * hz
    shine = 1.0 - along * along
    for _ in range(squarings):
        shine *= shine
    return shine


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _diffuse(facing, wrap):
    return max((facing + wrap) / (1 + wrap), 0.0)


@njit(cache=True, fastmath=True, nogil=True)
@no_type_check
def _shade(
    picture,
    triangle,
    weight_b,
    weight_c,
    faces,
    material,
    uv,
    geometry,
    surfaces,
    relief,
    lighting,
    shadow_depth,
    shadow_view,
):
    key, fill, axes = lighting.key, lighting.fill, geometry.head_axes
    for y in range(triangle.shape[0]):
        for x in range(triangle.shape[1]):
            f = triangle[y, x]
            if f == NO_TRIANGLE:
                continue
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            wb, wc = weight_b[y, x], weight_c[y, x]
            wa = 1 - wb - wc
            u = wa * uv[f, 0, 0] + wb * uv[f, 1, 0] + wc * uv[f, 2, 0]
            v = wa * uv[f, 0, 1] + wb * uv[f, 1, 1] + wc * uv[f, 2, 1]
            nx, ny, nz = _between(geometry.normals, a, b, c, wa, wb, wc)
            px, py, pz = _between(geometry.vertices, a, b, c, wa, wb, wc)
            sky_visibility = geometry.sky_visibility
            sky = wa * sky_visibility[a] + wb * sky_visibility[b] + wc * sky_visibility[c]
            normal = _unit(nx, ny, nz)
            view = _unit(-px, -py, geometry.camera_distance - pz)
            kind = material[f]

            if kind == _FACE:
                along_x, along_y, height = _slope(relief, u, v)
                normal = _tilt(normal, axes, along_x, along_y)
                red, green, blue, gloss = _sample_skin(surfaces.face, u, v)
                crease = min(max(1.0 + 3.2 * height, 0.35), 1.0)
                deeper = crease * (0.65 + 0.35 * crease)  # folds are redder than smooth skin
                red, green, blue = red * crease, green * deeper, blue * deeper
                squarings, wrap_r, wrap_g, wrap_b, rim = 4, 0.42, 0.22, 0.15, 0.22
            elif kind == _HEAD:
                red, green, blue, gloss = _sample_skin(surfaces.head, u - 1.0, v)
                squarings, wrap_r, wrap_g, wrap_b, rim = 4, 0.42, 0.22, 0.15, 0.22
            else:
                red, green, blue, gloss, squarings, wrap_r, wrap_g, wrap_b, rim = _surface(
                    kind, surfaces, u, v
                )
                if kind == _EYE:
                    reach = _LID_SHADOW * geometry.pixels_per_cm
                    shaded = _shade_from_above(triangle, material, y, x, kind, reach)
                    sky = (0.4 * sky + 0.36) * (1 - 0.65 * shaded)
                elif _MOUTH <= kind <= _TEETH:
                    reach = _LIP_SHADOW * geometry.pixels_per_cm
                    shaded = _shade_from_above(triangle, material, y, x, kind, reach)
                    sky *= 1 - 0.6 * shaded
            facing_view = normal[0] * view[0] + normal[1] * view[1] + normal[2] * view[2]
            if kind >= _LASH and facing_view < 0:
                normal = (-normal[0], -normal[1], -normal[2])
                facing_view = -facing_view

            lit = _lit_share(shadow_depth, shadow_view, px + 0.2 * nx, py + 0.2 * ny, pz + 0.2 * nz)
            lit *= min(1.0, 0.3 + 0.85 * sky) if kind < _MOUTH or kind > _TEETH else sky
            facing = normal[0] * key[0] + normal[1] * key[1] + normal[2] * key[2]
            filled = normal[0] * fill[0] + normal[1] * fill[1] + normal[2] * fill[2]
            if kind == _HAIR:
                shine = _hair_highlight(normal, view, key, squarings) * max(facing, 0.0)
                shine_fill = _hair_highlight(normal, view, fill, squarings) * max(filled, 0.0)
            else:
                shine = _highlight(normal, view, key, squarings) * (1.0 if facing > 0 else 0.0)
                shine_fill = _highlight(normal, view, fill, squarings) * (
                    1.0 if filled > 0 else 0.0
                )
                if kind <= _HEAD:  # skin has a broad highlight and a narrow one
                    shine = 0.6 * shine + 0.8 * shine**4
                    shine_fill = 0.6 * shine_fill + 0.8 * shine_fill**4
            up = 0.5 + 0.5 * normal[1]
            edge = 1 - max(facing_view, 0.0)
            rim *= edge * edge * edge * edge * sky
            bounce = sky * (1 - sky)  # light reflected between folds of skin is red
            for k in range(3):
                albedo = red if k == 0 else (green if k == 1 else blue)
                wrap = wrap_r if k == 0 else (wrap_g if k == 1 else wrap_b)
                around = lighting.sky[k] * up + lighting.ground[k] * (1 - up)
                hidden = sky + (0.4 if k == 0 else 0.12) * bounce * (1.0 if kind < 2 else 0.0)
                key_light = lighting.key_colour[k] * lit
                fill_light = lighting.fill_colour[k] * hidden
                picture[y, x, k] = (
                    albedo
                    * (
                        _diffuse(facing, wrap) * key_light
                        + _diffuse(filled, wrap) * fill_light
                        + around * hidden
                    )
                    + gloss * (shine * key_light + shine_fill * fill_light)
                    + rim * around
                )
