"""The plan: a recipe resolved to stages and targets, with nothing left to decide."""
