"""The score `technical`: how well a photo is taken, whatever it shows."""
