"""pdbuild: TOML recipes to one parallel, rootless container build graph."""
