"""Files that a stranger would build to cost us dearly, and the judge that measures what they cost."""
