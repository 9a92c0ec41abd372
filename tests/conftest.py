"""What holds for the whole suite."""

import signal

from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, and nothing about the program.
settings.register_profile("mem0tray", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("mem0tray")

# A shell that starts the suite in the background has Ctrl-C ignored, and programs inherit that:
# those that the tests interrupt would not notice.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
