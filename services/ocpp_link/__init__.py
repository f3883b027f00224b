"""The connection to the backend: OCPP 1.6J. Registration, heartbeat, one CALL at a time each way; no charging rule."""
