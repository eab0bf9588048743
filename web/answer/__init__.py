"""What a client gets: images, receipts, errors, and the headers of them all."""
