"""Settings, keys, logs and files on the user's disk."""
