"""Proofs that nothing is lost and nothing stored twice; each folder has its own README."""
