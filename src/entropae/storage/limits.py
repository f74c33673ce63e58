"""Budgets for what comes from strangers: what a file may claim, and how long a client may take."""

from __future__ import annotations

# Compressed files may unpack to a gigabyte, or to so many times their size. Blank images reach it.
UNPACKED, RATIO = 1 << 30, 100
# Scans of a JPEG: cameras and encoders write 1 to about 20, each as long a pass over all pixels as
# the first, however little is in it.
SCANS = 100

# Of the explorer's server: bytes of a request, and codes.
JSON_BYTES, UPLOAD_BYTES, AT_ONCE = 1 << 20, 1 << 24, 64
# Uploads that are taken in at a time, since each is held whole.
UPLOADS = 4
# Seconds from a connection's (or a next request's) beginning to the end of its headers, and of a
# body.
HEADER_SECONDS, BODY_SECONDS = 5.0, 15.0
# Connections that have sent no whole request: of more, the oldest is closed. Of all, the rest.
WAITING, CONNECTIONS = 128, 512
