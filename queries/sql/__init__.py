"""SQL over a library's tables, in a process of its own."""
