"""The process that serves GIMP: messages over standard input and output."""
