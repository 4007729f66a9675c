"""What is asked: batches, tasks and sheets, what they show, and in which order."""
