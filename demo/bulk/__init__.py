"""Tables of any size, computed from a seed instead of being told: what the limits of a portal are tried with."""
