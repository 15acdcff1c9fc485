"""What the graph orders: ordinary functions, paths and scalars in, path out. They join the wings, no more."""
