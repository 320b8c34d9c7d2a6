"""Whether an image is what its recipe claims: one module for each kind of claim.

The checks are pure: they read a `Subject`, which holds an image's files, its configuration and
what the recipe claims, and give `Finding`s. `content` reads images, `machine` runs programs of
theirs, `judge` puts the parts together and remembers what was found.
"""
