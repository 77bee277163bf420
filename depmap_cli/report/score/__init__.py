"""Reports of one video: terminal, JSON, CSV, HTML."""
