mem0tray completion fish | source
