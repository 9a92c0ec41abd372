"""Half an hour at speed with everything going wrong: nothing lost, nothing growing.

.venv/bin/python -m tests.proofs.soak --minutes 30 [--seed N]
"""
