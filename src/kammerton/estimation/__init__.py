"""The room estimation."""
