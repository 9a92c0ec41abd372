"""The durable memory: one SQLite database, one writing connection for the worker's life.

The SQL stands in `queries.sql`, the tables in `schema.sql`; commands use `reader`.
"""
