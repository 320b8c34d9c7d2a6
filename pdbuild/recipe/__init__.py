"""Recipes: what the user wrote, checked and typed, with nothing resolved yet."""
