"""What takes too long for every run: on Mem0's own library alone, by `packaging/test-official`."""
