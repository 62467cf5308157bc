"""Coverage-guided fuzzing of the simulated instruments; `make fuzz` runs it."""
