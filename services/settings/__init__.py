"""The value of every configuration key."""
