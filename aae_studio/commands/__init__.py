"""The commands of the command line, one file per group. None imports torch or Qt before it needs it."""
