"""Claims into English."""
