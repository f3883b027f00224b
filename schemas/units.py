"""Bounded number types. A bound also refuses NaN, which an unbounded float lets through."""

from typing import Annotated

from msgspec import Meta

Amperes = Annotated[float, Meta(ge=0.0, le=1000.0)]
SignedAmperes = Annotated[float, Meta(ge=-1000.0, le=1000.0)]
Volts = Annotated[float, Meta(ge=0.0, le=1000.0)]
Watts = Annotated[float, Meta(ge=-1_000_000.0, le=1_000_000.0)]
Hertz = Annotated[float, Meta(ge=0.0, le=1000.0)]
PowerFactor = Annotated[float, Meta(ge=-1.0, le=1.0)]
WattHours = Annotated[int, Meta(ge=0, le=10**12)]
"""Energy is an integer read from a register, never a sum of floats."""

Milliamperes = Annotated[float, Meta(ge=0.0, le=1e6)]
Celsius = Annotated[float, Meta(ge=-273.15, le=1000.0)]
Milliseconds = Annotated[float, Meta(ge=0.0, le=1e7)]
RevolutionsPerMinute = Annotated[float, Meta(ge=0.0, le=1e6)]

BootSeconds = Annotated[float, Meta(ge=0.0, le=1e10)]
"""CLOCK_BOOTTIME: the only time the processes compare with each other."""
WallSeconds = Annotated[float, Meta(ge=0.0, le=1e11)]
"""Station wall time, seconds since 1970 UTC: for people, for billing records, never for a deadline."""
Seconds = Annotated[float, Meta(ge=0.0, le=1e10)]
SignedSeconds = Annotated[float, Meta(ge=-1e10, le=1e10)]

ConnectorNumber = Annotated[int, Meta(ge=1, le=99)]
StationOrConnector = Annotated[int, Meta(ge=0, le=99)]
"""0 is the station itself."""
PhaseCount = Annotated[int, Meta(ge=0, le=3)]
PhaseOrder = Annotated[int, Meta(ge=-1, le=1)]
"""1 = L1, L2, L3 follow each other; -1 = L1, L3, L2."""
Count = Annotated[int, Meta(ge=0, le=2**62)]

Identifier = Annotated[str, Meta(min_length=1, max_length=36)]
IdTag = Annotated[str, Meta(min_length=1, max_length=20)]
"""OCPP 1.6 IdToken: CiString20."""
Word = Annotated[str, Meta(max_length=64)]
Sentence = Annotated[str, Meta(max_length=500)]
"""OCPP 1.6 limits a configuration value to 500 characters; sentences for people keep to the same."""
SampledText = Annotated[str, Meta(max_length=4096)]
"""A number, or a signed record as the meter gave it."""
LongText = Annotated[str, Meta(max_length=20_000)]
