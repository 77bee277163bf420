"""Agreement metrics, conformal intervals, and out-of-distribution detection. NumPy only."""
