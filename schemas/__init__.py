"""Everything the processes say to each other: one file per owner, units in the field names, bounds in the types."""
