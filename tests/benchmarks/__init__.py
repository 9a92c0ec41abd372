"""What is measured, each beside its yardstick in the same run.

    .venv/bin/python -m tests.benchmarks [NAME…]

They want a quiet machine and are no tests: a missed target is shown and makes
the exit code 1.
"""
