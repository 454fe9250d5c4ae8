"""The whole patient: organs coupled, conditions, actions, and how well it agrees with people."""
