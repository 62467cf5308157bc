"""Fits over two axes: flux maps, crossings, chevrons, punch-out."""
