"""The durable memory: one SQLite database, one writing connection for the worker's life.

`database` has the transactions; `inbox` takes items in, edits, discards and restores; `outbox`
decides what is due and records claim and outcome; `generations` remembers what was published;
`reader` is what commands use. The SQL stands in `queries.sql`, the tables in `schema.sql`.
"""
