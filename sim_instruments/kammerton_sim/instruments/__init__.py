"""The simulated instruments, one file each, and the rig that connects them to the world."""
