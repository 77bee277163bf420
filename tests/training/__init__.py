"""Training and evaluation through their commands."""
