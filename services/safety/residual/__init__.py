"""Residual current: the module, its self-test, RCD and circuit breaker, reclosure."""
