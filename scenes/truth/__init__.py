"""What is true of a scene: claims and relations by meaning, annotations and label checks by pixels."""
