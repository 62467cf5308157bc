"""Whether what a run measured held still while it was measured, by its blocks in time."""
