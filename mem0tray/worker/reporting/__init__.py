"""What the worker tells others: the log and the metrics file."""
