"""The command line of a station. One file per command; `main.py` imports only the one that is asked for."""
