"""What is found out about each image: can it be read, what does it look like, is it there twice."""
