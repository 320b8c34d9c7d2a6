"""Images to registries and back, and to files: from the image store, without any daemon.

skopeo does every transfer; pdbuild decides the order, watches it, and says what went wrong.
"""
