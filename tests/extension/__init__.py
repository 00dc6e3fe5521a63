"""A further signal, scale and rule, added to a copy of the product: each is data and at most one file."""
