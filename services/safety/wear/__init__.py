"""Wear: cycles of contactor and plug, and their limits."""
