"""From the begin record to the end register, whatever is killed in between."""
