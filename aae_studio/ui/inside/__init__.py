"""Pictures of what goes on inside the networks."""
