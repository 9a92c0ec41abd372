"""Plain data and policy that every room uses. No I/O but reading the translated texts."""
