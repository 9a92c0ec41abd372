"""What the operating system gives: folders, processes, opening files, clocks, wake-ups."""
