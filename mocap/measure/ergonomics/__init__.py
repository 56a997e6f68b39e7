"""Working postures: RULA and REBA."""
