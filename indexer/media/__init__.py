"""Read photos: what is in a folder, and pictures from files of every format."""
