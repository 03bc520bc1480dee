"""photoidx: index a photo library into LanceDB tables and ask it questions."""
