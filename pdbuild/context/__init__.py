"""Folders of the host that a build reads: what it sees of them, and whether that has changed."""
