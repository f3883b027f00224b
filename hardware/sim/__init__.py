"""The simulated board: drivers that speak to a simulated site, in another process or in this one."""
