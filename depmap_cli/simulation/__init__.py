"""Simulated interviews: rendered videos of people who do not exist, with known ground truth.

Five rooms, each of which imports only from those above it:

- ``behaviour``: action units, head pose and gaze over time, given a BDI-II score
- ``graphics``: triangle meshes to pixels (rasterising, shading, visibility)
- ``person``: what a person looks like (face shape, skin, hair, clothing, expressions)
- ``rendering``: frames of one video (scene, camera, renderer) and the interface to the renderer
- ``corpus``: whole corpora on disk (videos or prepared faces, ground truth, data card)

Rendering needs the extra ``depmap-cli[simulate]`` (numba) and a face model that the user downloads.
The rest of the package imports nothing from here until `depmap simulate` runs.
"""

FETCH_HINT = (
    "run git clone --depth 1 https://github.com/ICT-VGL/ICT-FaceKit "
    "and give its FaceXModel folder as --face-model"
)
