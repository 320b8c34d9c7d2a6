"""Weighs parcels."""

import sys

from parcel._scale import unit


def label(weight: float) -> str:
    """What is printed on the parcel."""
    return f"{weight:g} {unit()}"


def main() -> None:
    """Print the label of a parcel of the weight that the first argument names."""
    print(label(float(sys.argv[1])))
