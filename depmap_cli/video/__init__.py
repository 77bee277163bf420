"""Video files to sampled frames with time stamps."""
