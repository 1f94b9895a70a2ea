"""What the parts for melodies and those for images share, and what needs neither."""
