"""Following people from image to image of one view, instead of searching each image anew."""
