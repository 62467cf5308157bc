"""The room loop."""
