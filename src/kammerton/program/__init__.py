"""The room program."""
