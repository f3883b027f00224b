"""Digital inputs and outputs of the station: who drives and tries them, and the domestic socket that hangs on one."""
