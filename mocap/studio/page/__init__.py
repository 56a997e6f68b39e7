"""Parts of a page: HTML, styles and scripts."""
