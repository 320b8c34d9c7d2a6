"""Fixtures of several modules."""

from checkout_bits import checkout, pristine

__all__ = ["checkout", "pristine"]
