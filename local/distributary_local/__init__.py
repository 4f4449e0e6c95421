"""The local stack: a local AWS, everything deployed to it, and the demo."""
