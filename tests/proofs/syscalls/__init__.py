"""Kills and errors at every system call of a scripted run.

    .venv/bin/python -m tests.proofs.syscalls [--fault FAULT…] [--sample N]

README.md says what is proven, how, and with what result.
"""
