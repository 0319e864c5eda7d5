"""Venice's own API."""
