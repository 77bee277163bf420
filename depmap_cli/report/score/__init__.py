"""The report of one video: terminal, JSON, CSV and HTML."""
