"""Review: a local web application to look at a library, choose, and act."""
