"""Scripts that are new each time: see lua.py beside this folder. Its rows come from the other families."""

COMMANDS = """
1  SCRIPT EXISTS 'e0e1f9fabfc9d4800c877a703b823ac0578ff8db
1  SCRIPT FLUSH
"""
OWN_KEYS = "all"
