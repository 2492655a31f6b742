"""How the model was made and how good it is. The product imports nothing of it."""
