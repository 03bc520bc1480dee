"""What a photo says of itself: EXIF, the makers' notes, XMP."""
