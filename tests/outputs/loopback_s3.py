"""The keys of the S3 server on loopback: made up, and to be found in no message."""

KEY, SECRET = "unwind-key-42", "s3cr3t/k&y=42"
