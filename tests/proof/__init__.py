"""Proof that the warehouse is right on any portal: portals that nobody here has seen, and their figures worked out anew."""
