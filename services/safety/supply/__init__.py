"""What the meter shows of voltages and currents: overload, undervoltage, phases, power loss."""
