"""What waits, in memory: statuses, notices, volatile messages, and all of it together."""
