"""Our GLSL, in the files that pyrender's renderer looks for: solid patterns, procedural floors, soft shadows."""
