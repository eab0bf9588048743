"""The steps of an upload at which doomed.py kills; apart from it, since importing that plants them."""

STEPS = (
    *(
        f"{when} {what}"
        for what in (
            "reading the body",
            "recognising",
            "proving",
            "sealing",
            "reserving room",
            "inserting the row",
            "storing the bytes",
            "commit",
            "answering",
        )
        for when in ("before", "after")
    ),
    "in storing the bytes",
    "in commit",
)
STORED = {"after commit", "before answering", "after answering"}
"""The steps after which the image is there; after all others it is not."""
