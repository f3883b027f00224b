"""What a connector is doing, and what follows from it."""
