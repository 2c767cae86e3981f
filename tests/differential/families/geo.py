"""Positions: sorted sets with geohashes as scores."""

import values

COMMANDS = """
14 GEOADD key <longitude latitude element>...
8  GEOADD key [NX | XX] [CH] <longitude latitude element>...
6  GEOPOS key element...
6  GEOHASH key element...
8  GEODIST key element element [unit]
10 GEOSEARCH key FROMMEMBER element BYRADIUS distance unit [ASC | DESC] [COUNT small] [WITHCOORD] [WITHDIST] [WITHHASH] => places
10 GEOSEARCH key FROMLONLAT longitude latitude BYRADIUS distance unit [ASC | DESC] [WITHCOORD] [WITHDIST] [WITHHASH] => places
8  GEOSEARCH key FROMLONLAT longitude latitude BYBOX distance distance unit [ASC | DESC] [WITHCOORD] [WITHDIST] [WITHHASH] => places
4  GEOSEARCH key FROMMEMBER element BYRADIUS distance unit COUNT small ANY => places
2  GEOSEARCH key [FROMMEMBER element] [FROMLONLAT longitude latitude] [BYRADIUS distance unit] [BYBOX distance distance unit] [ASC] => places
6  GEOSEARCHSTORE key key FROMMEMBER element BYRADIUS distance unit [ASC | DESC] [COUNT small] [STOREDIST]
4  GEOSEARCHSTORE key key FROMLONLAT longitude latitude BYBOX distance distance unit [ASC | DESC] [STOREDIST]
6  GEORADIUS key longitude latitude distance unit [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT small] [ASC | DESC] => places
3  GEORADIUS key longitude latitude distance unit [COUNT small ASC] [STORE key | STOREDIST key]
4  GEORADIUS_RO key longitude latitude distance unit [WITHCOORD] [WITHDIST] [ASC | DESC] => places
6  GEORADIUSBYMEMBER key element distance unit [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT small] [ASC | DESC] => places
2  GEORADIUSBYMEMBER key element distance unit [STORE key | STOREDIST key]
3  GEORADIUSBYMEMBER_RO key element distance unit [WITHDIST] [ASC | DESC] => places
3  ZRANGE key 0 -1 WITHSCORES
2  ZADD key score element
2  DEL key
"""

KINDS = {
    "unit": values.of("m km ft mi KM M mil"),
    "distance": values.of("0 1 10 100 200 500 1000 5000 20000 1e6 -1 abc nan inf 0.5 1e30"),
    "element": values.of("Palermo Catania Paris London a b c d e missing"),
}
