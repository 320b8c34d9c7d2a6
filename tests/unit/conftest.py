"""Fixtures of several modules."""

from checkout_bits import checkout

__all__ = ["checkout"]
