"""A part of Fashion-MNIST as files; the LICENSE beside them says whose work it is."""
