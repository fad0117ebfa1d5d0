"""What a scene holds and where it stands: words, objects, places, camera. No picture, no meaning."""
