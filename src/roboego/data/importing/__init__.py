"""Recordings of one's own as training data: sentences with their texts, LibriSpeech's folders, two-sided dialogues."""
