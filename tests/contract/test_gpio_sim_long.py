"""The drivers of `hardware/linux` on real kernels with simulated chips, where such a kernel has been built."""

import pytest

from tests.gpio_sim import DONE, NotHere, kernel, run

pytestmark = [pytest.mark.contract, pytest.mark.long]


@pytest.mark.parametrize("kind", ["uml", "qemu"])
def test_the_drivers_of_linux_keep_their_promises_on_a_real_kernel_with_simulated_chips(kind: str) -> None:
    pytest.importorskip("gpiod", reason="gpiod has no wheel here, only for x86-64 and ARM Linux")
    try:
        said = run(kind, kernel(kind))
    except NotHere as missing:
        pytest.skip(str(missing))
    assert DONE in said
    assert "edges: 200 of 200" in said
