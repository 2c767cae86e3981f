"""The kinds of keys that writers use. Kinds are kept apart by name, so that no command meets a wrong type."""

from . import bitmaps, generic, geo, hashes, hyperloglogs, lists, sets, sorted_sets, streams, strings

# letter in the key's name -> the kind
KINDS = {kind.letter: kind for kind in (
    strings.Strings(), strings.Numbers(), strings.Appended(), hashes.Hashes(), lists.Lists(), sets.Sets(),
    sorted_sets.SortedSets(), streams.Streams(), bitmaps.Bitmaps(), hyperloglogs.HyperLogLogs(), geo.Places())}
generic_command = generic.generate
transaction = generic.transaction
