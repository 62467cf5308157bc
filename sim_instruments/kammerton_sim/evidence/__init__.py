"""What the laboratory knows of what was done to it: the ledger, and the questions put to it."""
