"""Acting on what was found: files that may go are moved into a trash folder beside their root, and back."""
