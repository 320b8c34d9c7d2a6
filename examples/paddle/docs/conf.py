# SPDX-License-Identifier: Apache-2.0
"""Sphinx configuration. The package must be importable (PYTHONPATH), as autodoc reads it.

The version is that of the package, unless PADDLE_DOCS_VERSION says otherwise.
"""

import os

import paddle

project = "paddle"
author = "the pdbuild maintainers"
project_copyright = "the pdbuild maintainers"
version = release = os.environ.get("PADDLE_DOCS_VERSION") or paddle.__version__

extensions = ["sphinx.ext.autodoc"]
autodoc_member_order = "bysource"
# Only what has a docstring: the operators are described with their class.
autodoc_default_options = {"members": True}

primary_domain = "py"
highlight_language = "python3"
html_theme = "alabaster"
html_theme_options = {"description": "a small machine-learning library"}
html_copy_source = False
