"""One module per verb of the command line: each composes the flow and prints the result."""
