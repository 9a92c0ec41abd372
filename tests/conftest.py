"""What holds for the whole suite."""

import signal

# A shell that starts the suite in the background has Ctrl-C ignored, and programs inherit that:
# those that the tests interrupt would not notice.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
