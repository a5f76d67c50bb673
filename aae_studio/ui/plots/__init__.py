"""The curves of the training. Only this package imports pyqtgraph, which takes a quarter of a second."""
