"""How Sphinx makes the site of these pages: `make docs`."""

from importlib.metadata import version as installed

project = "pdbuild"
author = "The pdbuild developers"
copyright = f"2025, {author}"
version = release = installed("pdbuild")

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["conf.py", "functions.py", "reference.py"]
myst_heading_anchors = 3  # links to #headings, as GitHub makes them

html_theme = "furo"
html_title = "pdbuild"
html_copy_source = False
html_show_sphinx = False
