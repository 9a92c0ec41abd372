"""The table of faults, and which tests prove each of its rows.

    .venv/bin/python -m tests.proofs.rows [--list] [PYTEST ARGUMENT…]

`faults.md` holds the rows. A test says which of them it proves with
`@pytest.mark.row(9)`; the command runs exactly these tests, slow ones too, and
writes the result of each row into `README.md`.
"""
