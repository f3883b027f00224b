"""Times and levels of the safety rules. Sources: IEC 61851-1 ed. 3 (annex A, table A.6), otherwise as stated."""

PILOT_VALID_CONNECTED_S = 0.050
"""Age at which a pilot sample is stale from state B on."""
PILOT_VALID_IDLE_S = 0.500
PILOT_FUTURE_S = 0.050
"""A stamp may be this far ahead of the step (taken after the loop read its clock); beyond it is impossible."""
FEEDBACK_VALID_S = 0.500
"""Proximity, mirror contact and lock feedback."""
INPUT_VALID_S = 2.5
"""Inputs, output voltage and phase relay: told at every change, and once a second."""
LIVE_V = 50.0
"""More than this behind the contactor is a live output (the limit of touch voltage, IEC 60364-4-41)."""
PROXIMITY_FILTER_S = 0.050
"""A bad proximity reading counts after this time."""

SAMPLE_IDLE_S = 0.2
SAMPLE_CONNECTED_S = 0.02

CONFIRM_A_S = 0.025
CONFIRM_B_FROM_A_S = 0.025
CONFIRM_B_S = 0.020
"""Vehicle opened S2 (sequence 8.1: detection and relay together within 100 ms)."""
CONFIRM_C_S = 0.100
CONFIRM_E_S = 0.020
OPEN_FILTER_S = 0.020
"""The contactor opens when another level than C or D has been there this long."""
BETWEEN_S = 0.050
"""A level between the windows is no new state (hysteresis), but the contactor does not wait longer than this."""
LEVEL_INVALID_S = 0.100
UNREADABLE_S = 0.500
BOOT_S = 10.0
"""Until then a board that has not answered since the start is awaited, not faulty."""
DIODE_S = 0.100
"""Proof before closing, and debounce of a failure while charging."""
OUTPUT_GRACE_S = 0.050
"""Generator and sampling may follow a new command this late."""
OUTPUT_WRONG_S = 0.100
DUTY_TOLERANCE = 0.010
FREQUENCY_HZ = 1000.0
FREQUENCY_TOLERANCE_HZ = 20.0
DUTY_RISE_S = 5.0
"""Vehicles have 5 s to follow a change: a rise waits that long after the last change, a fall never waits."""
OFFER_AGAIN_S = 5.0
"""After the offer was withdrawn from a connected vehicle."""
GRACE_S = 6.0
"""Without an offer the vehicle has 3 s to open S2; under load the contactor opens after 6 s (sequence 9, 10.2)."""
LEAST_CURRENT_A = 6.0
SIMPLIFIED_CURRENT_A = 10.0
"""A vehicle that has never shown state B has no S2 of its own: at most 10 A (clause A.2.3)."""
ASLEEP_S = 30.0
"""A vehicle that does not ask for the current it is offered is woken after this time."""
WAKE_UP_S = 4.0
"""State F that wakes a vehicle (clause A.5.3)."""
PHASE_PAUSE_S = 10.0
"""From switching the phase relay to the next offer, in state F."""
PHASE_RELAY_S = 0.5
F_LEAST_S = 0.300
"""State F lasts at least this long (table A.5)."""

CLOSED_WITHIN_S = 0.200
OPEN_WITHIN_S = 0.100
WELDED_S = 1.0
CONTACT_SETTLED_S = 0.020
"""Longer than the bounce of a contact."""
STOPS_WITHIN_S = 0.100
"""From the vehicle opening S2 to open contacts (sequence 8.1); a contactor that exceeds it is warned of."""
CLOSE_APART_S = 5.0
AFTER_FAULT_S = 30.0
REMEMBERED_S = 5.0
"""After a start: what was active before it lasts so long at least; by then everything has been read."""
LONGEST_WAIT_S = 300.0
"""RandomRestartAfterPowerLoss."""
CLOSES_PER_HOUR = 12
"""Per plug-in: contactor life."""
HOUR_S = 3600.0
LOOP_CLOSED_S = 0.010
"""The loop runs at least this often while a coil is on."""
FEED_S = 0.150
"""The monoflop's time. A longer gap in the loop is a restart."""

RECOVERIES = 3
"""Automatic recoveries from stops per plug-in; the next stop stays until the vehicle is unplugged."""
UNPLUGGED_S = 1.0
"""State A this long clears what waits for an unplug: a flicker of the wire does not."""
SAME_EDGE_APART_S = 0.250
"""Between two edges of the same fault."""

LEASE_LONGEST_S = 30.0
"""A lease that claims to last longer is impossible (session gives 10 s) and refused."""

LOCK_DRIVE_S = 1.0
"""The motor is driven at most this long per try (a lock travels 0.3 to 0.6 s)."""
LOCK_TRIES_APART_S = 5.0
LOCK_TRIES = 3
LOCK_SETTLED_S = 0.050
HELD_AFTER_STOP_S = 5.0
"""A fault that stops power keeps the plug locked so long."""
UNLOCK_OPEN_S = 0.100
"""Coil off this long, and the contacts proven open, before the plug is released."""
EXERCISE_AGAIN_S = 60.0
"""A lock whose feedback lies is tried again so often, while nothing is plugged in."""
RELEASE_CHARGED_S = 10.0
"""The emergency release of a lock is charged within this time."""
RELEASE_WITHOUT_LEASE_S = 60.0
"""Without any word of the session the lock stays as it is; a socket in state A is released after this time."""
