"""Files: atomic writes, locks, downloads, weights files, and settings."""
