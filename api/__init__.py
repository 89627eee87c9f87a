"""What vcita answers: its endpoints, and the document that describes them."""
