"""May power flow now? The only process that drives the pilot, the contactor and the lock."""
