"""Reboots and their reasons, the station's clock, faults and events of all services."""
