"""When each word of a sentence is heard: a phone recognizer, and the text's phones laid along what it hears."""
