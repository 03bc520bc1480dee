"""The benchmark of similarity methods, its page, and explanations of a similarity."""
