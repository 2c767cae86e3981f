"""The book of the crash harness by itself: what it lets pass, and what it does not."""

import itertools
import random
import unittest

from book import Mismatch, Writer
from exchange import LIST, MOVED, SORTED, Client, Exchange
from model import ANY
from resp import ReplyError
from tails import Tails


class Found:
    """Stands for a connection to a server that holds these keys."""

    def __init__(self, values: dict):
        self.values = values

    def pipeline(self, commands):
        return [self.answer(*command) for command in commands]

    def answer(self, name, *words):
        if name == "XINFO" or name == "XPENDING":
            return self.values.get((name, *words), ReplyError("no such key"))
        key = words[0]
        value = self.values.get(key)
        if name in ("SMEMBERS", "XRANGE"):
            return list(value or [])
        if name == "HGETALL":
            return [word for pair in (value or {}).items() for word in pair]
        return -1 if name == "PTTL" else value


def verdict(sent: list[tuple], acknowledged: int, values: dict, in_order: bool) -> bool:
    writer = Writer(0, 1, "snhatx")
    writer.sent, writer.answered = [(command, 0) for command in sent], acknowledged
    try:
        for command in sent[:acknowledged]:
            writer.model.apply(command, 0, REPLIES.get(command, ANY))
        writer.verify(Found(values), in_order)
        return True
    except Mismatch:
        return False


REPLIES: dict = {}  # of acknowledged commands, where chance decides

A, B, C = b"w0:s:1", b"w0:s:2", b"w0:s:3"
SETS = [("SET", A, b"1"), ("SET", B, b"1"), ("SET", A, b"2"), ("SET", B, b"2")]


class Verdicts(unittest.TestCase):
    def expect(self, expected, sent, acknowledged, values):
        """`expected`: in order, and key by key."""
        found = tuple(verdict(sent, acknowledged, values, in_order) for in_order in (True, False))
        self.assertEqual(found, expected, (sent, acknowledged, values))

    def test_what_was_acknowledged_is_there(self):
        self.expect((True, True), SETS, 4, {A: b"2", B: b"2"})
        for values in ({}, {A: b"2"}, {A: b"2", B: b"1"}, {A: b"1", B: b"2"}, {A: b"2", B: b"2", C: b"3"}):
            self.expect((False, False), SETS, 4, values)

    def test_what_is_in_flight_is_there_up_to_some_point(self):
        for values in ({}, {A: b"1"}, {A: b"1", B: b"1"}, {A: b"2", B: b"1"}, {A: b"2", B: b"2"}):
            self.expect((True, True), SETS, 0, values)

    def test_keys_have_tails_of_their_own_if_there_are_several_threads(self):
        for values in ({B: b"1"}, {B: b"2"}, {A: b"2"}, {A: b"1", B: b"2"}):
            self.expect((False, True), SETS, 0, values)
        self.expect((False, True), SETS, 2, {A: b"1", B: b"2"})
        self.expect((False, False), SETS, 3, {A: b"1", B: b"2"})

    def test_nothing_is_there_that_was_never_sent(self):
        self.expect((False, False), SETS, 0, {A: b"3"})
        self.expect((False, False), SETS, 0, {C: b"1"})

    def test_a_command_on_several_keys_happens_to_all_of_them(self):
        sent = [("MSET", A, b"1", B, b"1"), ("SET", C, b"1")]
        for values in ({A: b"1"}, {B: b"1"}, {A: b"1", C: b"1"}):
            self.expect((False, False), sent, 0, values)
        self.expect((False, True), sent, 0, {C: b"1"})
        self.expect((True, True), sent, 0, {A: b"1", B: b"1", C: b"1"})
        deleted = [("SET", A, b"1"), ("SET", B, b"1"), ("DEL", A, B)]
        self.expect((False, False), deleted, 2, {A: b"1"})
        self.expect((True, True), deleted, 2, {})

    def test_a_rename_happens_to_both(self):
        sent = [("SET", A, b"1"), ("SET", B, b"2"), ("RENAME", A, B)]
        for values, right in (({A: b"1", B: b"2"}, True), ({B: b"1"}, True), ({A: b"1", B: b"1"}, False),
                              ({B: b"2"}, False), ({A: b"1"}, False), ({}, False)):
            self.expect((right, right), sent, 2, values)
        # What comes after it on one key speaks for what came before it on the other.
        more = [("SET", C, b"0"), ("SET", A, b"1"), ("RENAME", A, B), ("APPEND", B, b"+")]
        self.expect((True, True), more, 1, {C: b"0", B: b"1+"})
        self.expect((False, False), more, 1, {C: b"0", A: b"1", B: b"1+"})

    def test_commands_that_change_nothing_bind_nothing(self):
        sent = [("RENAME", A, B), ("DEL", A, C), ("SET", B, b"1"), ("SET", C, b"1")]
        self.expect((False, True), sent, 0, {C: b"1"})
        self.expect((True, True), sent, 0, {B: b"1"})

    def test_a_transaction_happens_as_a_whole_and_shows_no_step_of_it(self):
        sent = [("MULTI", ("SET", A, b"1"), ("SET", B, b"1"), ("APPEND", A, b"2"))]
        for values, right in (({}, True), ({A: b"12", B: b"1"}, True), ({A: b"1", B: b"1"}, False), ({A: b"12"}, False)):
            self.expect((right, right), sent, 0, values)

    def test_what_was_popped_without_an_answer_may_be_any_members(self):
        key, members = b"w0:t:1", [b"1", b"2", b"3"]
        sent = [("SADD", key, *members), ("SPOP", key, 2)]
        for left in ([b"1"], [b"2"], [b"3"], members):
            self.expect((True, True), sent, 1, {key: left})
        for left in ([], [b"1", b"2"], [b"4"], [b"1", b"1"]):
            self.expect((False, False), sent, 1, {key: left})
        REPLIES[sent[1]] = [b"1", b"3"]
        self.expect((True, True), sent, 2, {key: [b"2"]})
        self.expect((False, False), sent, 2, {key: [b"1"]})
        del REPLIES[sent[1]]

    def test_an_id_is_what_was_answered_or_one_that_fits(self):
        key, first = b"w0:x:1", ("XADD", b"w0:x:1", "*", b"f", b"1")
        second = ("XADD", key, "*", b"f", b"2")
        REPLIES[first] = b"5-0"

        def stream(ids):
            entries = [[id, [b"f", b"%d" % (n + 1)]] for n, id in enumerate(ids)]
            return {key: entries, ("XINFO", "STREAM", key): [b"last-generated-id", ids[-1], b"entries-added", len(ids)],
                    ("XINFO", "GROUPS", key): []}

        for ids, right in (([b"5-0"], True), ([b"5-1"], False), ([b"5-0", b"5-1"], True), ([b"5-0", b"4-9"], False)):
            self.expect((right, right), [first, second], 1, stream(ids))
        self.expect((False, False), [first], 1, {})
        del REPLIES[first]


class Handed:
    """Stands for a connection to a server with these lists and this sorted set."""

    def __init__(self, *lists):
        self.lists = dict(zip((LIST, MOVED, SORTED), lists))

    def call(self, _name, key, *_range):
        return self.lists[key]


class Exchanges(unittest.TestCase):
    def verdict(self, live, gone, under_way, *lists) -> bool:
        exchange = Exchange(1)
        exchange.live, exchange.gone = set(live), set(gone)
        for calls in under_way:
            client = Client(None)
            client.sent = calls
            exchange.clients.append(client)
        try:
            exchange.verify(Handed(*lists))
            return True
        except Mismatch:
            return False

    def test_each_element_is_somewhere_once(self):
        pop, scored = (("BLPOP", LIST, 0),), (("BZPOPMIN", SORTED, 0),)
        push = (("RPUSH", LIST, b"l3", b"l4"),)
        for right, *told in (
                (True, [b"l1", b"l2"], [], [], [b"l2"], [b"l1"], []),
                (False, [b"l1", b"l2"], [], [], [b"l2"], [], []),
                (True, [b"l1", b"l2"], [], [pop], [b"l2"], [], []),
                (False, [b"l1", b"l2"], [], [scored], [b"l2"], [], []),
                (False, [b"l1", b"l2"], [], [pop], [], [], []),
                (False, [b"l1"], [], [], [b"l1"], [b"l1"], []),
                (False, [], [b"l1"], [], [b"l1"], [], []),
                (False, [b"l1", b"l2"], [], [], [b"l2", b"l1"], [], []),
                (True, [b"z1"], [], [scored], [], [], []),
                (True, [b"l3", b"l4"], [], [push], [], [], []),
                (True, [b"l3", b"l4"], [], [push], [b"l3", b"l4"], [], []),
                (False, [b"l3", b"l4"], [], [push], [b"l4"], [], []),
                (True, [b"l3", b"l4"], [], [push, pop], [b"l4"], [], [])):
            self.assertEqual(self.verdict(*told), right, told)


class Choices(unittest.TestCase):
    def test_as_trying_all_choices(self):
        """Random tails of few states, so that many places look alike, against a search of all choices."""
        source, explained = random.Random(7), 0
        for round in range(3000):
            in_order, keys = round % 2 == 0, "abc"
            tails = Tails(in_order)
            for key in keys:
                tails.add_key(key, 0)
            for _ in range(source.randrange(6)):
                tails.add_command({key: source.randrange(3) for key in source.sample(keys, source.randrange(1, 3))})
            found = {key: source.randrange(3) for key in keys}
            chosen, culprits = tails.explain(lambda key, state: state == found[key])
            right = any(self.holds(tails, places, found) for places in itertools.product(
                *(range(len(tails.states[key])) for key in keys)))
            self.assertEqual(not culprits, right, (tails.states, tails.commands, found, in_order))
            if right:
                self.assertEqual(chosen, found)
                explained += 1
        self.assertTrue(200 < explained < 2800, explained)

    @staticmethod
    def holds(tails: Tails, places: tuple, found: dict) -> bool:
        places = dict(zip("abc", places))
        if any(tails.states[key][place] != found[key] for key, place in places.items()):
            return False
        happened = [{places[key] >= place for key, place in command.items()} for command in tails.commands]
        if any(len(verdicts) > 1 for verdicts in happened):
            return False
        flags = [verdicts.pop() for verdicts in happened]
        return not tails.in_order or flags == sorted(flags, reverse=True)
