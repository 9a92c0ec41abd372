"""Black-box tests, written from the contract alone."""
