"""What the workbench consists of: the parts of its state that know nothing of threads."""
