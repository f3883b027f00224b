"""Is this description of a station right, its settings included?"""

from chargectl.output import Failure
from chargectl.station import code_of
from schemas.station import Station
from services.exit_codes import ExitCode
from services.home import BadHome, Home, parse_station


def check_home(home: Home) -> Station:
    """Raises Failure, with the line and the nearest right name."""
    try:
        station = home.load_station()
        text = home.station_file.read_text(encoding="utf-8")
    except BadHome as error:
        raise Failure(str(error), code_of(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"cannot read {home.station_file}: {error}", ExitCode.BAD_CONFIGURATION) from error
    _check_settings(station, text, str(home.station_file))
    return station


def check_text(text: str, name: str) -> Station:
    """Raises Failure, with the line and the nearest right name."""
    try:
        station = parse_station(text, name)
    except BadHome as error:
        raise Failure(str(error), code_of(error)) from error
    _check_settings(station, text, name)
    return station


def _check_settings(station: Station, text: str, name: str) -> None:
    from services.settings.factory import check_station

    wrong = check_station(station, text, name)
    if wrong:
        raise Failure("\n".join(wrong), ExitCode.BAD_CONFIGURATION)
