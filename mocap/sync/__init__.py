"""When each camera took its images: clocks found from motion, boards and sound."""
