"""What a user does to memories: retry, delete, restore, and asking why one is stuck.

Each action is an edit of the files, the same as a person can make by hand, so
that it works with the app running or not. Nothing here prints or asks.

`find` resolves ids, `files` reads the files, `edit` changes them safely,
`orders` tells the ledger's only writer what the files alone cannot say.
"""
