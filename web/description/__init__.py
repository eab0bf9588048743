"""What a route takes and answers, and `/openapi.json` out of it."""
