"""A backend for tests: its own codec, its own validation with the official schemas, every frame judged."""
