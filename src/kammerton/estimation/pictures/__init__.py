"""A fit as a picture."""
