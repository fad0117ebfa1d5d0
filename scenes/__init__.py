"""What is in a picture, where it is, how it is drawn, and what is true of it."""
