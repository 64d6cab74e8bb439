"""What `roboego sim` is made of: a request in words, a table for it, an episode, and what is kept of it."""
