"""What the panel “Doctor” is made of: rounds in the survey thread, and a card for each finding."""
