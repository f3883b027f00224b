"""What a call to supervisord can end in; apart from the call, which only a reboot imports."""


class SupervisorError(Exception):
    """supervisord cannot be reached or refuses; the text says why. `code`: of its refusal, 0 = none."""

    def __init__(self, words: str, code: int = 0) -> None:
        super().__init__(words)
        self.code = code
