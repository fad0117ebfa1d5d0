"""What a dataset says of itself: card, croissant.json, contact sheet, description."""
