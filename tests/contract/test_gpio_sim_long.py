"""The GPIO drivers on a real kernel with simulated chips, where a User-Mode Linux kernel is available."""

import pytest

from tests.gpio_sim import DONE, NotHere, kernel, run

pytestmark = [pytest.mark.contract, pytest.mark.long]


def test_the_gpio_drivers_work_on_a_real_kernel_with_simulated_chips() -> None:
    pytest.importorskip("gpiod", reason="the package gpiod is not installed on this kind of machine")
    try:
        said = run(kernel())
    except NotHere as missing:
        pytest.skip(str(missing))
    assert DONE in said
    assert "gpio_lines: edges" in said
