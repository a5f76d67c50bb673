"""What can be opened beside the lanes: one file a panel."""
