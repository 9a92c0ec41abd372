"""The settings in force: where they come from, what each may be, which server they choose."""
