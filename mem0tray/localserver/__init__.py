"""The embedded server: a small Mem0 server for this computer only.

`serve.serve` runs it, `child.LocalServer` finds or starts one for the worker,
`endpoint` is what the two agree on. This file imports nothing, because every
start of the server pays for it.
"""
