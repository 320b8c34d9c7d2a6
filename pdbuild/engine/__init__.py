"""Engines: what runs a definition. BuildKit is here; `contract` says what an engine is."""
