"""The stand-in for Venice."""
