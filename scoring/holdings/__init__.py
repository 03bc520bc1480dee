"""What a photo's file holds besides its one picture: films, more pictures, gain maps, depth, words."""
