"""Scoring many videos: which videos, which workers score them, and where the results go.

Only the process that was started reads and writes the results folder. Workers receive a task and
return the contents of its files. Results are therefore complete whatever happens to a worker, and a
worker may run on another machine.
"""
