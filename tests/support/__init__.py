"""What the acceptance tests stand on: a real server, a scratch home, a foreign producer."""
