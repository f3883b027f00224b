"""Regular expressions that keys of several subjects share, and the words for people. Texts match as a whole. Pure."""

_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_MASK_BYTE = "(?:255|254|252|248|240|224|192|128|0)"
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"

PORT = "(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
IPV4 = rf"(?:{_BYTE}\.){{3}}{_BYTE}"
IPV4_OR_EMPTY = f"(?:{IPV4})?"
IPV4_WORDS = "an IPv4 address such as 192.168.1.20, or nothing"
NETMASK_OR_EMPTY = (
    rf"(?:(?:255\.){{3}}{_MASK_BYTE}|(?:255\.){{2}}{_MASK_BYTE}\.0|255\.{_MASK_BYTE}\.0\.0|{_MASK_BYTE}\.0\.0\.0)?"
)
NETMASK_WORDS = "an IPv4 netmask such as 255.255.255.0, or nothing"
HOST = rf"{_LABEL}(?:\.{_LABEL})*"
"""RFC 1123; an IPv4 address is one too."""
HOST_OR_EMPTY = f"(?:{HOST})?"
HOST_WORDS = "a host name or an IPv4 address, or nothing"
LONGEST_HOST = 253
HOST_NAME_OR_EMPTY = f"(?:{_LABEL})?"
HOST_NAME_WORDS = "1 to 63 letters, digits and hyphens, no hyphen at either end, or nothing"
TIME_OF_DAY = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
TIME_OF_DAY_WORDS = "a time of day as HH:MM, 00:00 to 23:59"
ID_TAG = r"[\x21-\x7e]{1,20}"
"""OCPP 1.6 section 7.28: CiString20."""
ID_TAG_OR_EMPTY = f"(?:{ID_TAG})?"
ID_TAG_WORDS = "1 to 20 printable characters without spaces"
