"""Published and measured results, and the programs that reproduce them."""
