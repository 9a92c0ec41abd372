"""Documents, as bytes in and bytes out."""
