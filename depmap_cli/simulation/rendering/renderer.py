"""Renders the frames of one video: a person in a scene with an expression, a pose and a gaze."""

import math

import numpy as np
from jaxtyping import Float, Float32

from depmap_cli.runtime.opencv import load_opencv
from depmap_cli.simulation.graphics.rasteriser import (
    NO_TRIANGLE,
    FrameBuffers,
    rasterise,
    vertex_normals,
)
from depmap_cli.simulation.graphics.rotation import angles_of, rotation
from depmap_cli.simulation.graphics.shading import Geometry, reflect, shade
from depmap_cli.simulation.graphics.triangle_mesh import Mesh, join_meshes
from depmap_cli.simulation.graphics.visibility import light_view, project
from depmap_cli.simulation.person.simulated_person import SimulatedPerson
from depmap_cli.simulation.rendering.background import paint_background
from depmap_cli.simulation.rendering.camera_model import CameraModel
from depmap_cli.simulation.rendering.occluders import occluder_mesh
from depmap_cli.simulation.rendering.rendered_frame import RenderedFrame
from depmap_cli.simulation.rendering.scene import Scene

_SHADOW_SIDE = 288  # pixels of the shadow map
_PIVOT = np.array([0.0, -8.0, -1.0], np.float32)  # neck joint about which the head turns, cm
_CHEST_YAW, _CHEST_ROLL = 0.12, 0.2  # shares of the head's rotation that the chest follows
_LEAN = 2.0  # sideways shift per radian of yaw, cm
_NOSE_TIP = 30  # landmark


class Renderer:
    """Renders one video. The same arguments and the same frames give the same bytes.

    Args:
        person: the person shown.
        scene: lights, background and camera.
        size: width and height of the frames in pixels.
        seed: seed of the sensor noise.
        supersampling: samples per pixel along each axis.
    """

    def __init__(
        self,
        *,
        person: SimulatedPerson,
        scene: Scene,
        size: int = 256,
        seed: int = 0,
        supersampling: int = 2,
    ) -> None:
        load_opencv().setNumThreads(1)
        self._person, self._scene, self._size = person, scene, size
        self._side = size * supersampling
        self._scale = supersampling
        self._buffers = FrameBuffers.empty(self._side, self._side)
        self._shadow = FrameBuffers.empty(_SHADOW_SIDE, _SHADOW_SIDE)
        self._picture = np.empty((self._side, self._side, 3), np.float32)
        self._background = paint_background(
            scene.background_seed, scene.background_brightness, self._side
        )
        self._camera = CameraModel(scene, size, seed)
        self._camera_axes = rotation(0.0, math.radians(-scene.tilt), 0.0)
        self._light_view = light_view(scene.lighting.key, _SHADOW_SIDE)
        self._lens_triangles = np.empty_like(self._buffers.triangle)
        self._mesh, self._openness, self._head_weight = _with_occluder(person, scene)
        self._vertices = self._mesh.vertices.copy()
        self._last_nose: np.ndarray | None = None

    def render(
        self,
        au: Float[np.ndarray, " 18"],
        pose: Float[np.ndarray, " 3"],
        gaze: Float[np.ndarray, " 2"],
    ) -> RenderedFrame:
        """Render the next frame.

        Args:
            au: intensities 0 to 1.1 in the order of ``ACTION_UNITS``.
            pose: yaw (to the viewer's right), pitch (downwards) and roll (anticlockwise), degrees.
            gaze: (to the viewer's right, upwards), each -1 to 1, relative to the head; 1 is
                ``GAZE_DEGREES``.
        """
        person = self._person
        face_vertices = self._vertices[: len(person.face.vertices)]
        person.move(person.weights(au, gaze), face_vertices)
        person.turn_eyes(gaze, face_vertices)
        head = rotation(*np.radians(pose))
        vertices = self._posed(head, np.radians(pose))
        screen = self._project(vertices)
        self._draw(vertices, screen, head, person.relief.at(au))
        landmarks = screen[person.face.landmarks, :2] / np.float32(self._scale)
        image = self._camera.expose(self._picture, self._motion(landmarks[_NOSE_TIP]))
        return RenderedFrame(image, np.ascontiguousarray(landmarks))

    def _posed(
        self, head: Float32[np.ndarray, "3 3"], pose: np.ndarray
    ) -> Float32[np.ndarray, "v 3"]:
        """Return all vertices in the given pose (radians), relative to the camera's axes; cm."""
        yaw, _, roll = pose
        chest = rotation(_CHEST_YAW * yaw, 0.0, _CHEST_ROLL * roll)
        from_pivot = self._vertices - _PIVOT
        head_weight = self._head_weight[:, None]
        turned = from_pivot @ chest.T
        turned += head_weight * (from_pivot @ head.T - turned)
        turned += _PIVOT
        turned[:, 0] += np.float32(_LEAN * yaw)
        return np.ascontiguousarray(turned @ self._camera_axes.T)

    def pose_in_camera(self, pose: Float[np.ndarray, " 3"]) -> Float[np.ndarray, " 3"]:
        """Return the head's yaw, pitch and roll (degrees) relative to the tilted camera."""
        seen = self._camera_axes @ rotation(*np.radians(pose))
        return np.asarray(np.degrees(angles_of(seen)))

    def _project(self, vertices: Float32[np.ndarray, "v 3"]) -> Float32[np.ndarray, "v 3"]:
        """Return column and row in pixels and depth in cm of each vertex."""
        scene, side = self._scene, self._side
        depth = np.float32(scene.distance) - vertices[:, 2]
        focal = np.float32(side * scene.distance / scene.visible_height)
        screen = np.empty_like(vertices)
        screen[:, 0] = side * (0.5 + scene.head_offset[0]) + focal * vertices[:, 0] / depth
        screen[:, 1] = side * (0.5 + scene.head_offset[1]) - focal * vertices[:, 1] / depth
        screen[:, 2] = depth
        return screen

    def _draw(
        self,
        vertices: Float32[np.ndarray, "v 3"],
        screen: Float32[np.ndarray, "v 3"],
        head: Float32[np.ndarray, "3 3"],
        relief: Float32[np.ndarray, "s s"],
    ) -> None:
        """Rasterise and shade the person over the background."""
        person, scene = self._person, self._scene
        strand_noise = person.surfaces.strand_noise
        self._shadow.clear()
        shadow_screen = project(self._light_view, vertices)
        rasterise(shadow_screen, self._mesh, strand_noise, self._shadow, depth_only=True)
        self._buffers.clear()
        rasterise(screen, self._mesh, strand_noise, self._buffers)
        geometry = Geometry(
            vertices=vertices,
            normals=vertex_normals(
                vertices, np.concatenate([self._mesh.faces, person.lenses.faces])
            ),
            sky_visibility=self._openness,
            camera_distance=scene.distance,
            pixels_per_cm=self._side / scene.visible_height,
            head_axes=head,
        )
        self._picture[:] = self._background
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
        """Add reflections to the pixels in which a lens of the glasses is in front."""
        buffers = self._buffers
        lens_buffers = FrameBuffers(
            depth=buffers.depth,
            triangle=self._lens_triangles,
            weight_b=buffers.weight_b,
            weight_c=buffers.weight_c,
        )
        lens_buffers.triangle.fill(NO_TRIANGLE)
        person, lighting = self._person, self._scene.lighting
        rasterise(screen, person.lenses, person.surfaces.strand_noise, lens_buffers)
        reflect(
            self._picture,
            lens_buffers,
            person.lenses,
            geometry,
            lighting,
            self._scene.lens_reflection,
        )

    def _motion(self, nose: np.ndarray) -> tuple[float, float]:
        """Return the displacement of the nose since the last frame, in shares of the side."""
        last, self._last_nose = self._last_nose, nose.copy()
        if last is None:
            return 0.0, 0.0
        displacement = (nose - last) / self._size
        return float(displacement[0]), float(displacement[1])


def _with_occluder(person: SimulatedPerson, scene: Scene) -> tuple[Mesh, np.ndarray, np.ndarray]:
    """Return mesh, sky visibility and head weights of the person and of the scene's occluder."""
    rng = np.random.default_rng([scene.background_seed, 4])
    occluder = occluder_mesh(scene.occluder, person.mesh, rng)
    if occluder is None:
        return person.mesh, person.sky_visibility, person.head_weight
    ones = np.ones(len(occluder.vertices), np.float32)
    mesh = join_meshes([person.mesh, occluder])
    return mesh, np.append(person.sky_visibility, 0.8 * ones), np.append(person.head_weight, ones)
