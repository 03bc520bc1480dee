"""What a video says of itself: how long it is, when and where it was filmed. No frame is decoded."""
