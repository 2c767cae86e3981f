"""What all kinds of keys have in common."""


class Kind:
    letter = ""
    keys = 12  # of each writer
    may_refuse = False  # reads may be answered by errors, which say that something is not there
    share = 1.0  # how often its commands are chosen, relative to the others'

    def generate(self, writer) -> tuple:
        """A random command."""
        raise NotImplementedError

    def reads(self, key: bytes) -> list[tuple]:
        """The commands whose replies tell all of a key's value."""
        raise NotImplementedError

    def parse(self, replies: list):
        """The value that these replies tell, as the model has it; None if there is no such key."""
        raise NotImplementedError


def is_big(key: bytes) -> bool:
    """Every fourth key grows beyond what is kept in one piece."""
    return int(key.rpartition(b":")[2]) % 4 == 0
