"""Suites at the table: what Ego sees, does and feels there, and what it does when its senses disagree."""
