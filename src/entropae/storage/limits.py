"""Budgets for what comes from strangers: what a file may claim, and how long a client may take."""

from __future__ import annotations

# Compressed files may unpack to a gigabyte, or to so many times their size. Blank images reach it.
UNPACKED, RATIO = 1 << 30, 100
# Scans of a JPEG: cameras and encoders write 1 to about 20, each as long a pass over all pixels as
# the first, however little is in it.
SCANS = 100

# Of the explorer's server: bytes of a request, and codes.
JSON_BYTES, UPLOAD_BYTES, AT_ONCE = 1 << 20, 1 << 24, 64
# Bytes of bodies that are held at a time, each whole until it is answered.
HELD_BYTES = 4 * UPLOAD_BYTES
# Seconds from a connection's beginning, or its last answer, to the end of the headers; from there
# to the end of the body; and that an answer may wait to be taken.
HEADER_SECONDS, BODY_SECONDS, ANSWER_SECONDS = 5.0, 15.0, 30.0
# Connections that wait for headers: of more, the oldest is closed. And of all connections.
WAITING, CONNECTIONS = 128, 512
