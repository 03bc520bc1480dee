"""The library on disk: LanceDB tables, their schema, their lock, and their damage."""
