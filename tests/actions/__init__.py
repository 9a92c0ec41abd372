"""What users do to memories, on real files."""
