"""Drawing: matplotlib plots, sheets of pictures, SVG elements, and the colours they share."""
