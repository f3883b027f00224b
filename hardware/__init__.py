"""Boards: small abilities, one Protocol each, and the drivers behind them. Drivers convert; they decide nothing."""
