"""The parts that people see and click; the worker runs without them, Pillow or a display."""
