"""The machine: devices, processes, threads, memory, random seeds, and third-party imports."""
