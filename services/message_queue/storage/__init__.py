"""What is kept on disk: messages, ids of the backend, facts for `session`."""
