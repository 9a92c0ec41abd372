"""What a user does to memories, and how things stand. Nothing here prints or asks."""
