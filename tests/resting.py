"""``python app.py`` with workers that rest after a second rather than five."""

from __future__ import annotations

import server
import worker

worker.REST_SECONDS = 1.0

if __name__ == "__main__":
    server.main()
