"""How a run is made: plan, shards, devices, resume, progress."""
