"""Authorization, transactions, and the current limit of each connector and why."""
