"""Frames of one simulated video: the scene around a person, the camera, and the renderer."""
