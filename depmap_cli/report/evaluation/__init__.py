"""Reports of an evaluation: terminal, JSON, CSV, HTML, TRIPOD+AI."""
