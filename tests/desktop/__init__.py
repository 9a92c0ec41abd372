"""Tests on a real desktop without a screen; `packaging/test` installs what they need."""
