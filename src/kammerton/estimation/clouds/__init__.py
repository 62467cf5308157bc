"""Fits of single shots: clouds in the plane and what tells them apart."""
