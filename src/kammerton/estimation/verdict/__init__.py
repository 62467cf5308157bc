"""What decides about a fit: the evidence, and the findings with their reasons."""
