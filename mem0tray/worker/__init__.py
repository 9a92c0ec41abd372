"""The worker: intake → ledger → delivery → publish, on threads of its own."""
