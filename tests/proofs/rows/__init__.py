"""The table of faults, and which tests prove each of its rows."""
