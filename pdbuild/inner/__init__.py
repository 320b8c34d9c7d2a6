"""The inner loop: what containers of the dev image have in common, and what runs in them."""
