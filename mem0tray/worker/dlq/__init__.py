"""The DLQ file: reader, merge and writer of the file that users edit by hand."""
