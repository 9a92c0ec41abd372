"""The desktop: start at login, older workers, openers."""
