"""Charging with one phase or three: the relay of L2 and L3."""
