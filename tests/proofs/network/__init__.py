"""The network, and whoever sits in it: faults between the real program and a real server.

    .venv/bin/python -m tests.proofs.network [NAME…]

runs each fault of the matrix and prints the table that README.md shows.
"""
