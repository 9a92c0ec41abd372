"""What others on this computer, and on the way, can see of us or do to us."""
