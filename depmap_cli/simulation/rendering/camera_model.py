"""Camera model: turns rendered radiance into an 8-bit image (lens, sensor and image processing)."""

import numpy as np
from jaxtyping import Float32, UInt8

from depmap_cli.runtime.opencv import load_opencv
from depmap_cli.simulation.rendering.scene import Scene

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_LONGEST_MOTION_BLUR = 0.04  # share of the side; larger displacements are not continuous motion
_GRAIN_MARGIN = 64  # pixels by which the noise pattern may shift


class CameraModel:
    """The camera of one video.

    Args:
        scene: blur, exposure, noise and other properties of the camera.
        size: width and height of the images in pixels.
        seed: seed of the sensor noise.
    """

    def __init__(self, scene: Scene, size: int, seed: int) -> None:
        self._scene, self._size = scene, size
        self._sensor_side = max(16, round(size * scene.resolution))
        self._rng = np.random.default_rng([seed, 2])
        # To save time, grain is drawn once and shifted from frame to frame.
        shape = (self._sensor_side + _GRAIN_MARGIN, self._sensor_side + _GRAIN_MARGIN, 3)
        grain = self._rng.standard_normal(shape, np.float32)
        self._grain = 0.7 * grain + 0.5 * grain.mean(-1, keepdims=True)
        self._vignette = self._falloff()

    def expose(
        self, radiance: Float32[np.ndarray, "h w 3"], motion: tuple[float, float] = (0.0, 0.0)
    ) -> UInt8[np.ndarray, "size size 3"]:
        """Return the RGB image of linear ``radiance``.

        ``motion`` is the displacement of the face since the last frame, in shares of the side.
        """
        cv2, scene, sensor_side = load_opencv(), self._scene, self._sensor_side
        image = cv2.resize(radiance, (sensor_side, sensor_side), interpolation=cv2.INTER_AREA)
        image = self._motion_blur(image, motion)
        if scene.blur > 0:
            image = cv2.GaussianBlur(image, (0, 0), max(scene.blur * sensor_side, 0.1))
        image = image * (self._vignette * np.float32(scene.exposure))
        image = self._tone(image)
        image = image + self._noise(image)
        if scene.sharpening > 0:
            soft = cv2.GaussianBlur(image, (0, 0), 1.2)
            image = image + np.float32(scene.sharpening) * (image - soft)
        if sensor_side != self._size:
            side = (self._size, self._size)
            image = cv2.resize(image, side, interpolation=cv2.INTER_CUBIC)
        return np.asarray((np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8))

    def _falloff(self) -> Float32[np.ndarray, "chip chip 3"]:
        """Factors for white balance and for vignetting (less light towards the corners)."""
        ticks = np.linspace(-1, 1, self._sensor_side)
        from_centre = ticks[:, None] ** 2 + ticks[None] ** 2
        falloff = 1 - self._scene.vignette * from_centre / 2
        return np.asarray((falloff[..., None] * self._scene.white_balance).astype(np.float32))

    def _tone(self, image: Float32[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "h w 3"]:
        """Apply a tone curve with a soft shoulder, then gamma, contrast and saturation."""
        scene = self._scene
        image = np.maximum(image, 0)
        image = image * (1 + 0.16 * image) / (1 + 0.42 * image)
        image = np.power(np.minimum(image, 1.2), np.float32(1 / 2.2))
        image = np.float32(0.45) + (image - np.float32(0.45)) * np.float32(scene.contrast)
        grey = (image @ _LUMA)[..., None]
        toned: np.ndarray = grey + (image - grey) * np.float32(scene.saturation)
        return toned

    def _noise(self, image: Float32[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "h w 3"]:
        """Draw sensor noise, which is stronger in dark tones because gamma amplifies them."""
        top, left = self._rng.integers(0, _GRAIN_MARGIN, 2)
        grain = self._grain[top : top + self._sensor_side, left : left + self._sensor_side]
        level = np.float32(self._scene.noise) * (np.float32(1.3) - np.clip(image, 0, 1))
        noise: np.ndarray = grain * level
        return noise

    def _motion_blur(self, image: np.ndarray, motion: tuple[float, float]) -> np.ndarray:
        """Blur the image along the motion during the exposure time."""
        cv2 = load_opencv()
        displacement = np.array(motion) * self._scene.shutter_fraction
        length = float(np.hypot(*displacement)) * self._sensor_side
        if length < 1 or float(np.hypot(*motion)) > _LONGEST_MOTION_BLUR:
            return image
        reach = int(np.ceil(length / 2)) + 1
        kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
        half = displacement * self._sensor_side / 2
        ends = [np.round((reach + s * half) * 16).astype(int).tolist() for s in (-1, 1)]
        canvas = np.zeros(kernel.shape, np.uint8)
        cv2.line(canvas, ends[0], ends[1], 255, 1, cv2.LINE_AA, 4)
        kernel[:] = canvas
        blurred: np.ndarray = cv2.filter2D(image, -1, kernel / max(float(kernel.sum()), 1.0))
        return blurred
