"""A microcontroller that owns pilot and contactor, over a framed serial link (`docs/mcu-protocol.md`)."""
