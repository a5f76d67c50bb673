"""What can be wrong, or well, with a model in training: one file a diagnosis."""
