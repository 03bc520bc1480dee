"""What each file holds, and which file may go."""
