"""What is known about the place under the cursor."""
