"""One table of commands a family."""
