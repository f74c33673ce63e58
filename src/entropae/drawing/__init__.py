"""Pictures, charts and the blocks that pages are made of."""
