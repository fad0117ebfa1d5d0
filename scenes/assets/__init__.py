"""Users' own meshes and background photos, read from their folders."""
