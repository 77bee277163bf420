"""Triangle meshes to pixels: rasterising, shading and visibility, without knowledge of faces."""
