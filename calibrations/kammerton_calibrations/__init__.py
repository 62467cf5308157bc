"""One file for each calibration; the daemon finds them by entry point."""
