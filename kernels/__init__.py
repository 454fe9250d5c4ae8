"""How to compute: pure JAX numerics with no medicine, files, config, clock or logging in them."""

OWNER = "twinsim"  # another project installs a package of this name; twinsim checks for this marker
