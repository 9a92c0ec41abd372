"""Tests of the tests: bugs that somebody might make, and the proofs that catch them."""
