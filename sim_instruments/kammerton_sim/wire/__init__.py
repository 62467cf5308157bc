"""The protocols that the simulated instruments speak: HiSLIP, SCPI, plain lines."""
