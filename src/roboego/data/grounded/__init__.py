"""What is said about a table that both sides see: questions with the answers that are true, requests with the tasks that they mean."""
