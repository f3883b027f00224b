"""What can be wrong with a store. Apart from it, so that a process without a store does not load SQLite."""


class StoreError(Exception):
    """The store cannot be read or written now (disk full, read-only, damaged); nothing of the commit was kept."""


class NewerStore(Exception):
    """The file was written by a newer version of the service; the text says what to do."""
