"""People rendered from a face model: geometry, looks, light and camera of a simulated recording.

Needs the extra ``depmap-cli[simulate]`` (numba) and a face model that the user fetches; nothing
here is imported by the rest of the package before it is used.
"""

FETCH_HINT = (
    "git clone --depth 1 https://github.com/ICT-VGL/ICT-FaceKit and give its FaceXModel folder"
)
