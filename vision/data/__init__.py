"""Images and their labels, as users have them on disk."""
