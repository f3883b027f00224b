"""Reads the meters: what they say, how old it is, and whether to believe it."""
