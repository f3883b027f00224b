"""Temperatures: derating, stopping, fan and heater."""
