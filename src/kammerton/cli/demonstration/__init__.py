"""The parts of `kammerton demo`: a simulated laboratory, a broker, the daemon, a subscriber."""
