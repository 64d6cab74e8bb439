"""A session driven with recorded sound: what happened frame by frame, its turns, its transcript and its picture."""
