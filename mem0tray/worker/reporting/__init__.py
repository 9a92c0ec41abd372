"""The log and the metrics file."""
