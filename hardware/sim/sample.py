"""What the drivers of the simulated board read: the same sample for the board in this process and over the socket."""

from hardware.sim.protocol import ConnectorReadings, StationReadings
from hardware.sim.site.residual import VERSION
from hardware.sim.site.site import Site


def connector_readings(site: Site, number: int) -> ConnectorReadings:
    """A sample of the site's present time; what is not fitted is None."""
    now_s = site.now_s
    levels = site.pilot_levels(number)
    ohm, mirror, locked = site.proximity_ohm(number), site.mirror(number), site.lock_feedback(number)
    charged, relay, residual = site.release_charged(number), site.phase_relay(number), site.residual(number)
    volts = site.output_voltage(number)
    return ConnectorReadings(
        pilot=(*levels[:4], levels.sampled_s),
        proximity=None if ohm is None else (ohm, now_s),
        mirror=None if mirror is None else (mirror, now_s),
        lock=None if locked is None else (locked, now_s),
        release=None if charged is None else (charged, now_s),
        phase_relay=None if relay is None else (relay, now_s),
        residual=None if residual is None else (*residual[:5], now_s),
        residual_version="" if residual is None else VERSION,
        voltages=None if volts is None else (*volts, now_s),
    )


def seen(readings: ConnectorReadings) -> tuple[object, ...]:
    """What makes a change worth telling at once: no time stamps, voltages only as far as they come and go.

    First the pilot.
    """
    ohm, mirror, lock = readings.proximity, readings.mirror, readings.lock
    release, relay, residual, volts = readings.release, readings.phase_relay, readings.residual, readings.voltages
    return (
        readings.pilot and readings.pilot[:4],
        ohm and ohm[0],
        mirror and mirror[0],
        lock and lock[0],
        release and release[0],
        relay and relay[0],
        residual and residual[:5],
        volts and tuple(volt > LIVE_V for volt in volts[:3]),
    )


LIVE_V = 50.0


def station_readings(site: Site) -> StationReadings:
    """Inputs, outputs and fan of the site's present time; temperatures as sampled last."""
    speed = site.fan()
    return StationReadings(
        sampled_s=site.now_s,
        inputs=site.inputs.contacts(),
        outputs=dict(site.outputs.pins),
        temperatures={name: (each.celsius, each.sampled_s) for name, each in site.temperatures().items()},
        fan=None if speed is None else (speed.rpm, speed.sampled_s),
    )
