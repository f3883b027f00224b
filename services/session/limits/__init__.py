"""How much current, and who bounds it."""
