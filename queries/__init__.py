"""Tables to answers: pure functions over what the store holds."""
