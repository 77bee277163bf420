"""Read faces with MediaPipe Face Mesh; started by face_mesh_agreement.py, with another Python.

Standard input has one record for each frame: height and width as two little-endian uint32, then
the pixels, RGB uint8. Standard output gets 478 x 3 little-endian float32 for each frame: x to the
right, y down and z away from the camera, in pixels; all NaN if there is no face.
"""

import struct
import sys

import mediapipe
import numpy as np

N_LANDMARKS = 478


def main() -> None:
    """Answer each frame until the input ends."""
    frames, answers = sys.stdin.buffer, sys.stdout.buffer
    with mediapipe.solutions.face_mesh.FaceMesh(refine_landmarks=True, max_num_faces=1) as reader:
        while header := frames.read(8):
            height, width = struct.unpack("<II", header)
            pixels = np.frombuffer(frames.read(3 * height * width), np.uint8)
            faces = reader.process(pixels.reshape(height, width, 3)).multi_face_landmarks
            points = np.full((N_LANDMARKS, 3), np.nan, "<f4")
            if faces:
                shares = np.array([(p.x, p.y, p.z) for p in faces[0].landmark], "<f4")
                points = shares * np.array([width, height, width], "<f4")
            answers.write(points.astype("<f4").tobytes())
            answers.flush()


if __name__ == "__main__":
    main()
