"""Everything that touches a recording: sessions, rigs, boards, videos and image maps."""
