"""`kammerton sim ctl`: ask a laboratory that runs, and put faults on it."""
