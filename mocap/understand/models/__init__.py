"""Small models trained on free data: see the model card beside them."""
