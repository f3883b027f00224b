"""Drivers on interfaces of the Linux kernel: GPIO lines, IIO, PWM, hwmon, LEDs, watchdog."""
