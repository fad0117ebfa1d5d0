"""Pictures of layouts: OpenGL and rays behind one contract."""
