"""How fast: `make bench`. No test: speeds depend on the machine, so pytest does not collect this folder."""
