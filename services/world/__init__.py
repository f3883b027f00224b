"""The simulated site as a process: what stands outside of the station, its hardware included."""
