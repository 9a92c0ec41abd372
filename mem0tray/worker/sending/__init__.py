"""Delivery: due items go to the server, and each outcome into the ledger."""
