"""Small changes of the product, one at a time, each of which some test should notice."""
