"""The paper's tables for melodies, and what they leave out: diversity and the shift of z."""
