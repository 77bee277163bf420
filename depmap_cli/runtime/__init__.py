"""Access to the machine: devices, processes, threads, memory, random seeds, and imports."""
