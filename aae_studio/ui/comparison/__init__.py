"""What the panels that compare models are made of."""
