"""The fault campaign: loads that are killed, cut off and lied to, after which the warehouse must hold the truth.

`python -m tests.campaign --help`; what it proves stands in extract/README.md.
"""
