"""Brokerless publish and subscribe between the processes of one station; `topics.py` is all that can be said."""
