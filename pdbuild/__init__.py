"""pdbuild: TOML recipes to one parallel, rootless container build graph."""

#: The variable that has pdbuild say which programs it starts; `--verbose` sets it.
VERBOSE = "PDBUILD_DEBUG"
