"""Descriptions of what routes accept and answer, and `/openapi.json`, which is made from them."""
