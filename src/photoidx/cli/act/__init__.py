"""Acting: review, reclaim, undo, trash."""
