"""The commands, one file each; in this process, on real files below a scratch home."""
