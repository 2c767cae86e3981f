"""Publishing and subscribing. Other families' commands are refused while a RESP2 client is subscribed."""

import values

COMMANDS = """
8  SUBSCRIBE channel...
10 UNSUBSCRIBE channel...
10 UNSUBSCRIBE
6  PSUBSCRIBE channel-pattern...
6  PUNSUBSCRIBE channel-pattern...
8  PUNSUBSCRIBE
3  SSUBSCRIBE channel
4  SUNSUBSCRIBE channel
4  SUNSUBSCRIBE
12 PUBLISH channel value
3  SPUBLISH channel value
4  PUBSUB CHANNELS [channel-pattern] => unordered
4  PUBSUB NUMSUB channel...
3  PUBSUB NUMPAT
2  PUBSUB SHARDCHANNELS [channel-pattern] => unordered
2  PUBSUB SHARDNUMSUB channel...
1  PUBSUB HELP => help
1  PUBSUB word
4  PING
4  PING value
4  SET s1 value
4  GET s1
3  RESET
"""

KINDS = {
    "channel": values.of("news news sport music other"),
    "channel-pattern": values.of("* n* sport m?sic [no]* *"),
}
