"""vcita's routes, and the OpenAPI document that describes all routes."""
