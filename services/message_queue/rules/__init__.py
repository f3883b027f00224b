"""Rules of the queue. Pure: they read no clock, no bus and no database."""
