"""What can be drawn over a latent plane: one file an overlay."""
