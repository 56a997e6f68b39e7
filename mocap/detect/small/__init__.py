"""Small networks out of public packages: other readers and other finders of people than MoveNet."""
