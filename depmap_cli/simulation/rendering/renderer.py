"""Frames of a recording: a person in a scene, with an expression, a pose and a gaze."""

import math

import numpy as np
from jaxtyping import Float, Float32

from depmap_cli.runtime.opencv import load_opencv
from depmap_cli.simulation.graphics.rasteriser import NOTHING, Buffers, rasterise, vertex_normals
from depmap_cli.simulation.graphics.shading import Geometry, reflect, shade
from depmap_cli.simulation.graphics.triangle_mesh import Mesh, join
from depmap_cli.simulation.graphics.visibility import light_view, seen_from
from depmap_cli.simulation.person.simulated_person import Person
from depmap_cli.simulation.rendering.background import paint_room
from depmap_cli.simulation.rendering.camera_model import Camera
from depmap_cli.simulation.rendering.occluders import cover_mesh
from depmap_cli.simulation.rendering.rendered_frame import RenderedFrame
from depmap_cli.simulation.rendering.scene import Scene

_SHADOW_SIDE = 288
_PIVOT = np.array([0.0, -8.0, -1.0], np.float32)  # cm: the neck joint about which heads turn
_CHEST_YAW, _CHEST_ROLL = 0.12, 0.2  # shares of the head's turn that the chest follows
_LEAN = 2.0  # cm to the side for each radian of yaw
_NOSE_TIP = 30


class Renderer:
    """Renders one recording. The same arguments and the same frames give the same bytes.

    Args:
        seed: of the sensor's noise.
        supersampling: rays a pixel along each side.
    """

    def __init__(
        self,
        *,
        person: Person,
        scene: Scene,
        size: int = 256,
        seed: int = 0,
        supersampling: int = 2,
    ) -> None:
        load_opencv().setNumThreads(1)
        self._person, self._scene, self._size = person, scene, size
        self._side = size * supersampling
        self._scale = supersampling
        self._buffers = Buffers.empty(self._side, self._side)
        self._shadow = Buffers.empty(_SHADOW_SIDE, _SHADOW_SIDE)
        self._picture = np.empty((self._side, self._side, 3), np.float32)
        self._room = paint_room(scene.background, scene.backdrop, self._side)
        self._camera = Camera(scene, size, seed)
        self._light_view = light_view(scene.lighting.key, _SHADOW_SIDE)
        self._lens_triangles = np.empty_like(self._buffers.triangle)
        self._mesh, self._openness, self._follow = _with_cover(person, scene)
        self._vertices = self._mesh.vertices.copy()
        self._last_nose: np.ndarray | None = None

    def frame(
        self,
        au: Float[np.ndarray, " 18"],
        pose: Float[np.ndarray, " 3"],
        gaze: Float[np.ndarray, " 2"],
    ) -> RenderedFrame:
        """The next frame.

        Args:
            au: intensities 0 to 1.1 in the order of ``ACTION_UNITS``.
            pose: yaw (to the viewer's right), pitch (downwards) and roll (anticlockwise), degrees.
            gaze: (sideways to the viewer's right, up), each -1 to 1, relative to the head.
        """
        person = self._person
        person.move(person.weights(au, gaze), self._vertices[: len(person.face.vertices)])
        head = rotation(*np.radians(pose))
        vertices = self._posed(head, np.radians(pose))
        screen = self._project(vertices)
        self._draw(vertices, screen, head, person.relief.at(au))
        landmarks = screen[person.face.landmarks, :2] / np.float32(self._scale)
        image = self._camera.develop(self._picture, self._motion(landmarks[_NOSE_TIP]))
        return RenderedFrame(image, np.ascontiguousarray(landmarks))

    def _posed(
        self, head: Float32[np.ndarray, "3 3"], pose: np.ndarray
    ) -> Float32[np.ndarray, "v 3"]:
        """All vertices where the pose takes them, before the camera."""
        yaw, _, roll = pose
        chest = rotation(_CHEST_YAW * yaw, 0.0, _CHEST_ROLL * roll)
        from_pivot = self._vertices - _PIVOT
        follow = self._follow[:, None]
        turned = from_pivot @ chest.T
        turned += follow * (from_pivot @ head.T - turned)
        turned += _PIVOT
        turned[:, 0] += np.float32(_LEAN * yaw)
        camera = rotation(0.0, math.radians(-self._scene.tilt), 0.0)
        return np.ascontiguousarray(turned @ camera.T)

    def _project(self, vertices: Float32[np.ndarray, "v 3"]) -> Float32[np.ndarray, "v 3"]:
        """Column, row and depth of each vertex."""
        scene, side = self._scene, self._side
        depth = np.float32(scene.distance) - vertices[:, 2]
        focal = np.float32(side * scene.distance / scene.span)
        screen = np.empty_like(vertices)
        screen[:, 0] = side * (0.5 + scene.shift[0]) + focal * vertices[:, 0] / depth
        screen[:, 1] = side * (0.5 + scene.shift[1]) - focal * vertices[:, 1] / depth
        screen[:, 2] = depth
        return screen

    def _draw(
        self,
        vertices: Float32[np.ndarray, "v 3"],
        screen: Float32[np.ndarray, "v 3"],
        head: Float32[np.ndarray, "3 3"],
        relief: Float32[np.ndarray, "s s"],
    ) -> None:
        """Light the picture."""
        person, scene = self._person, self._scene
        strands = person.surfaces.strands
        self._shadow.clear()
        seen = seen_from(self._light_view, vertices)
        rasterise(seen, self._mesh, strands, self._shadow, depth_only=True)
        self._buffers.clear()
        rasterise(screen, self._mesh, strands, self._buffers)
        geometry = Geometry(
            vertices=vertices,
            normals=vertex_normals(
                vertices, np.concatenate([self._mesh.faces, person.lenses.faces])
            ),
            openness=self._openness,
            camera_distance=scene.distance,
            pixels_per_cm=self._side / scene.span,
            head_axes=head,
        )
        self._picture[:] = self._room
        shade(
            self._picture,
            self._buffers,
            self._mesh,
            geometry,
            person.surfaces,
            relief,
            scene.lighting,
            self._shadow.depth,
            self._light_view,
        )

        if person.glasses:
            self._draw_lenses(screen, geometry)

    def _draw_lenses(self, screen: Float32[np.ndarray, "v 3"], geometry: Geometry) -> None:
        """Lay reflections over the picture where a lens is nearer than what it shows."""
        shown = self._buffers
        over = Buffers(
            depth=shown.depth, triangle=self._lens_triangles, second=shown.second, third=shown.third
        )
        over.triangle.fill(NOTHING)
        person, lighting = self._person, self._scene.lighting
        rasterise(screen, person.lenses, person.surfaces.strands, over)
        reflect(self._picture, over, person.lenses, geometry, lighting, self._scene.reflection)

    def _motion(self, nose: np.ndarray) -> tuple[float, float]:
        """How far the nose went since the last frame, in shares of the side."""
        last, self._last_nose = self._last_nose, nose.copy()
        if last is None:
            return 0.0, 0.0
        way = (nose - last) / self._size
        return float(way[0]), float(way[1])


def _with_cover(person: Person, scene: Scene) -> tuple[Mesh, np.ndarray, np.ndarray]:
    """The person's mesh, openness and following, and those of what covers the face."""
    rng = np.random.default_rng([scene.background, 4])
    cover = cover_mesh(scene.cover, person.mesh, rng)
    if cover is None:
        return person.mesh, person.openness, person.follow
    more = np.ones(len(cover.vertices), np.float32)
    mesh = join([person.mesh, cover])
    return mesh, np.append(person.openness, 0.8 * more), np.append(person.follow, more)


def rotation(yaw: float, pitch: float, roll: float) -> Float32[np.ndarray, "3 3"]:
    """Turns by yaw about y, then pitch about x before it, then roll about z; radians."""
    cy, sy = math.cos(yaw), math.sin(yaw)
    cp, sp = math.cos(pitch), math.sin(pitch)
    cr, sr = math.cos(roll), math.sin(roll)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x, np.float32)
