"""What the contacts and the second contactor that are wired to the station mean for a connector."""
