"""Renderers: a plan as the texts that engines and plain tools read."""
