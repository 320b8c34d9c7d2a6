"""Caches that travel: what a CI's own cache step, or another account, keeps between bakes.

`archive` is the file, `mounts` what the steps' cache mounts hold, `parts` the rest of what an
account needs (engines, bases, layers), `layers` how a bake's layers are kept and taken.
"""
