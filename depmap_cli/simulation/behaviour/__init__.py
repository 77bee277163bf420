"""What simulated people do in an interview: facial action units, head pose and gaze."""
