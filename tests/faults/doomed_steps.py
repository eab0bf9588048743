"""The steps of an upload at which doomed.py kills; apart from it, since importing that plants them."""

STEPS = (
    *(
        f"{when} {what}"
        for what in (
            "reading the body",
            "examining",
            "sealing",
            "reserving room",
            "writing the row",
            "storing",
            "answering",
        )
        for when in ("before", "after")
    ),
    "in storing",
    "at the end of storing",
)
STORED = {"after storing", "before answering", "after answering"}
"""The steps after which the image is there; after all others it is not."""
