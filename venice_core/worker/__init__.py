"""The process that serves GIMP through messages on standard input and output."""
