"""Tables of figures with their sources, and the scripts that fit them."""
