"""Many videos: which they are, who scores them, and what is kept of those that are done.

One process, the one that was started, reads and writes the results folder; workers get a task and
give back the content of its files. So results are whole whatever becomes of a worker, and a worker
may as well be on another machine.
"""
