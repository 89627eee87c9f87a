"""Times as vcita's Ruby reads them."""
