"""`tajo dlq`: what could not be used, looked at, tried again, or dropped on the record.

Read letters (what lies there), followers (what came after it), standing (what state it is in), cures (what a retry is),
deciding (how it is recorded), shown and commands (how it is told).
"""
