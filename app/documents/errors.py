"""What keeps a document from being read, in words for a person."""


class UnreadableDocument(Exception):
    """One line that names the file and says what to do."""
