"""The model: thousands of random histories of everybody who touches the files."""
