"""Every CALL of ours except BootNotification and Heartbeat, until the backend has answered it."""
